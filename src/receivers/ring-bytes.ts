/** The size of a ring buffer. */
import { must } from '../settings/shapes.ts';

const RING_BYTES = Array.from({ length: 15 }, (_, power) => 2 ** (12 + power));

export const ringBytes = must('a power of two from 4096 to 67108864', { enum: RING_BYTES }, (value) =>
  RING_BYTES.includes(value as number),
);
