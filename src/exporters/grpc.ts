/** Headers as gRPC takes them. */
import { Metadata } from '@grpc/grpc-js';

export function metadataOf(headers: Readonly<Record<string, string>>): Metadata {
  const metadata = new Metadata();
  for (const [name, value] of Object.entries(headers)) metadata.set(name, value);
  return metadata;
}
