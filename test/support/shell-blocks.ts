/** The shell commands in a page of Markdown. */

export interface ShellBlock {
  /** The heading above the block. */
  readonly heading: string;
  /** With continuation lines joined and without comments. */
  readonly commands: readonly string[];
}

export function shellBlocks(markdown: string): ShellBlock[] {
  const blocks: ShellBlock[] = [];
  for (const section of markdown.split(/^(?=#+ )/m)) {
    const heading = /^#+ (.*)/.exec(section)?.[1] ?? '';
    for (const [, block = ''] of section.matchAll(/^```sh\n(.*?)^```/gms)) {
      const lines = block.replaceAll('\\\n', ' ').split('\n');
      const commands = lines.map((line) =>
        line
          .replace(/(^|\s)#.*/, '')
          .replaceAll(/\s+/g, ' ')
          .trim(),
      );
      blocks.push({ heading, commands: commands.filter((command) => command !== '') });
    }
  }
  return blocks;
}
