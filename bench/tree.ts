/** A checkout of Floatie: this one, or another that is measured in turns with it. */
import { execFileSync, type StdioOptions } from 'node:child_process';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';

/** A way to run Floatie. */
export interface Form {
  /** In the results. */
  readonly name: string;
  readonly kind: 'dist' | 'single';
  readonly command: readonly string[];
}

export class Tree {
  readonly #root: string;
  /** In the results. */
  readonly name: string;

  /** Throws where Floatie has not been built. */
  constructor(root: string, name: string) {
    this.#root = root;
    this.name = name;
    if (!existsSync(join(root, 'dist/main.js'))) throw new Error(`${root} has no dist/: run "npm run build" there`);
  }

  /** The flags that `npm start` gives to Node. */
  get nodeFlags(): string[] {
    const text = readFileSync(join(this.#root, 'package.json'), 'utf8');
    const { scripts } = JSON.parse(text) as { scripts: { start: string } };
    return (/\bnode (.*?) ?dist\/main\.js/.exec(scripts.start)?.[1] ?? '').split(' ').filter((flag) => flag !== '');
  }

  /** Floatie as `npm start` runs it, with further flags for Node. */
  dist(...flags: string[]): string[] {
    return [process.execPath, ...this.nodeFlags, ...flags, join(this.#root, 'dist/main.js')];
  }

  /** `npm start`, and the single executable where one was built of the same code. */
  forms(): Form[] {
    const [main, single] = [join(this.#root, 'dist/main.js'), join(this.#root, 'dist/floatie')];
    const isCurrent = existsSync(single) && statSync(single).mtimeMs >= statSync(main).mtimeMs;
    return [
      { name: this.name, kind: 'dist', command: this.dist() },
      ...(isCurrent ? [{ name: `${this.name}, single executable`, kind: 'single' as const, command: [single] }] : []),
    ];
  }

  buildSingle(): void {
    const stdio: StdioOptions = ['ignore', 'ignore', 'inherit'];
    execFileSync('npm', ['run', '--silent', 'build:single'], { cwd: this.#root, stdio });
  }
}
