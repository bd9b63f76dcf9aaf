/** A Floatie of each checkout that counts the same containers, which have read and written. */
import { Containers } from './containers.ts';
import { Floatie } from './floatie.ts';
import { Overlay } from './overlay.ts';
import type { Tree } from './tree.ts';

export class Counting implements AsyncDisposable {
  readonly #cleanup: AsyncDisposableStack;
  readonly overlay: Overlay;
  /** By the names of their checkouts. All at once: what disturbs one disturbs the others. */
  readonly floaties: readonly (readonly [name: string, floatie: Floatie])[];

  static async start(trees: readonly Tree[], count: number, flags: readonly string[] = []): Promise<Counting> {
    await using cleanup = new AsyncDisposableStack();
    const overlay = cleanup.use(Overlay.mount());
    const containers = cleanup.use(Containers.create(count));
    const floaties: [name: string, floatie: Floatie][] = [];
    for (const tree of trees) floaties.push([tree.name, cleanup.use(await Floatie.start(tree.dist(), flags))]);
    await containers.work(overlay.file);
    return new Counting(cleanup.move(), overlay, floaties);
  }

  private constructor(cleanup: AsyncDisposableStack, overlay: Overlay, floaties: Counting['floaties']) {
    this.#cleanup = cleanup;
    this.overlay = overlay;
    this.floaties = floaties;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#cleanup.disposeAsync();
  }
}
