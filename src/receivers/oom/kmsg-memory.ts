/** The part of the kernel's long report that tells what filled the memory, and which processes held it. */
import { decodeLogged } from '../comm.ts';

/** What filled the memory below the reached limit, or that of the machine. No byte is in two of the first four. */
export interface MemoryKinds {
  readonly anonBytes: number;
  /** The page cache of files on disks. */
  readonly fileBytes: number;
  /** Files in memory (tmpfs) and shared memory. */
  readonly shmemBytes: number;
  /** Slab, stacks, page tables, sockets, memory of each CPU. */
  readonly kernelBytes: number;
  /** What is swapped out. */
  readonly swapBytes?: number;
  /** File pages that must be written before they can be reclaimed. */
  readonly dirtyBytes: number;
  readonly unevictableBytes: number;
}

/** A process in the report's table. */
export interface MemoryHolder {
  readonly tgid: number;
  readonly uid: number;
  readonly comm: string;
  readonly rssBytes: number;
  /** By kind since Linux 6.8. */
  readonly anonBytes?: number;
  readonly fileBytes?: number;
  readonly shmemBytes?: number;
  readonly pageTableBytes: number;
  readonly swapBytes: number;
  readonly oomScoreAdj: number;
}

export interface MemoryReport {
  readonly kinds?: MemoryKinds;
  /** The largest processes, the largest first. */
  readonly holders: readonly MemoryHolder[];
  /** The number of processes in the table. */
  readonly processes: number;
  /** The resident memory of all processes in the table. */
  readonly rssBytes: number;
  /** Whether the log lost a part of the report. */
  readonly isTruncated: boolean;
}

/** How many of the largest processes are kept. */
const MAX_HOLDERS = 10;

const STATISTICS = /^Memory cgroup stats for (\/.*):$/;
const USAGE = /^(memory|swap|kmem): usage (\d+)kB, /;
/** A line of memory.stat. Before Linux 6.4 one record has all of them, and can be cut after a thousand characters. */
const STATISTIC = /(?:^|\\x0a)((?:total_)?[a-z_]+) (\d+)(?=$|\\x0a)/g;
/** The machine's statistics in pages, in one record. */
const MACHINE = /^active_anon:\d+ inactive_anon:\d+ /;
const PAGES = /([a-z_]+):(\d+)/g;
const SWAP = /^(Free|Total) swap {1,2}= (\d+)kB$/;
const COLUMNS = /^\[ +pid +\] +(uid +tgid +total_vm +rss(?: +\w+)* +oom_score_adj) name$/;
const TABLE = /^Tasks state \(memory values in pages\):$/;

/** Takes the messages of one report in order. */
export class MemoryReportParser {
  readonly #pageBytes: number;
  /** In kB. */
  readonly #usage = new Map<string, number>();
  readonly #statistics = new Map<string, number>();
  /** In pages. */
  readonly #machine = new Map<string, number>();
  #part: 'statistics' | 'tasks' | null = null;
  #columns: readonly string[] = [];
  #row: RegExp | null = null;
  #holders: MemoryHolder[] = [];
  #processes = 0;
  #rssBytes = 0;

  constructor(pageBytes: number) {
    this.#pageBytes = pageBytes;
  }

  take(message: string): void {
    if (this.#part === 'tasks') {
      this.#takeTask(message);
      return;
    }
    if (TABLE.test(message)) {
      this.#part = 'tasks';
      return;
    }
    if (this.#part === 'statistics') {
      for (const [, name = '', value] of message.matchAll(STATISTIC)) this.#statistics.set(name, Number(value));
      return;
    }
    const [, counter, kb] = USAGE.exec(message) ?? SWAP.exec(message) ?? [];
    if (counter !== undefined) this.#usage.set(counter, Number(kb));
    else if (STATISTICS.test(message)) this.#part = 'statistics';
    else if (MACHINE.test(message)) {
      for (const [, name = '', value] of message.matchAll(PAGES)) this.#machine.set(name, Number(value));
    }
  }

  /**
   * @param hasGap whether records of the report are missing
   * @returns null where it has neither statistics nor tasks
   */
  end(hasGap: boolean): MemoryReport | null {
    const kinds = this.#statistics.size > 0 ? this.#ofCgroup() : this.#ofMachine();
    if (kinds === null && this.#processes === 0) return null;
    return {
      ...(kinds && { kinds }),
      holders: this.#holders,
      processes: this.#processes,
      rssBytes: this.#rssBytes,
      isTruncated: hasGap,
    };
  }

  #takeTask(message: string): void {
    const [, columns] = COLUMNS.exec(message) ?? [];
    if (columns !== undefined) {
      this.#columns = columns.split(/ +/);
      // The name comes behind one space, and can begin with spaces and digits.
      this.#row = new RegExp(`^\\[ *\\d+\\]${' +(-?\\d+)'.repeat(this.#columns.length)} (.*)$`);
      return;
    }
    const found = this.#row?.exec(message);
    if (found == null) return;
    const values = new Map(this.#columns.map((name, index) => [name, Number(found[index + 1])]));
    const number = (name: string): number => values.get(name) ?? 0;
    const pages = (name: string): number => number(name) * this.#pageBytes;
    this.#processes++;
    this.#rssBytes += pages('rss');
    this.#keep({
      tgid: number('tgid'),
      uid: number('uid'),
      comm: decodeLogged(found.at(-1) ?? ''),
      rssBytes: pages('rss'),
      ...(values.has('rss_anon') && {
        anonBytes: pages('rss_anon'),
        fileBytes: pages('rss_file'),
        shmemBytes: pages('rss_shmem'),
      }),
      pageTableBytes: number('pgtables_bytes'),
      swapBytes: pages('swapents'),
      oomScoreAdj: number('oom_score_adj'),
    });
  }

  #keep(holder: MemoryHolder): void {
    const size = ({ rssBytes, swapBytes }: MemoryHolder): number => rssBytes + swapBytes;
    const at = this.#holders.findIndex((other) => size(other) < size(holder));
    this.#holders.splice(at < 0 ? this.#holders.length : at, 0, holder);
    this.#holders.splice(MAX_HOLDERS);
  }

  #ofCgroup(): MemoryKinds | null {
    return kindsOf(this.#statistics, this.#usage);
  }

  #ofMachine(): MemoryKinds | null {
    if (this.#machine.size === 0) return null;
    const sum = (...names: string[]): number =>
      names.reduce((pages, name) => pages + (this.#machine.get(name) ?? 0), 0) * this.#pageBytes;
    const shmemBytes = sum('shmem');
    const [total, free] = [this.#usage.get('Total'), this.#usage.get('Free')];
    return {
      // Shared memory is on the lists of anonymous pages.
      anonBytes: Math.max(sum('active_anon', 'inactive_anon', 'isolated_anon') - shmemBytes, 0),
      fileBytes: sum('active_file', 'inactive_file', 'isolated_file'),
      shmemBytes,
      kernelBytes: sum('slab_reclaimable', 'slab_unreclaimable', 'pagetables', 'sec_pagetables'),
      ...(total !== undefined && free !== undefined && { swapBytes: (total - free) * 1024 }),
      dirtyBytes: sum('dirty', 'writeback'),
      unevictableBytes: sum('unevictable'),
    };
  }
}

/**
 * Documentation/admin-guide/cgroup-v2.rst and cgroup-v1/memory.rst.
 *
 * @param statistics the numbers of memory.stat
 * @param usageKb usage of `memory`, `swap` and `kmem` in kB, as far as known
 * @returns null where these are not the statistics of a cgroup
 */
export function kindsOf(
  statistics: ReadonlyMap<string, number>,
  usageKb: ReadonlyMap<string, number>,
): MemoryKinds | null {
  // With the names of v1, which some kernels use there, only `total_…` includes child cgroups.
  const isV1 = statistics.has('total_rss');
  const get = (name: string): number => statistics.get(isV1 ? `total_${name}` : name) ?? 0;
  if (!isV1 && !statistics.has('anon')) return null;
  const anonBytes = get(isV1 ? 'rss' : 'anon');
  const shmemBytes = get('shmem');
  // Pages of the swap cache are counted as anonymous ones, too.
  const fileBytes = Math.max(get(isV1 ? 'cache' : 'file') - shmemBytes - get('swapcached'), 0);
  const bytes = (counter: string): number | undefined => {
    const kb = usageKb.get(counter);
    return kb === undefined ? undefined : kb * 1024;
  };
  const swapBytes = isV1 ? statistics.get('total_swap') : bytes('swap');
  // v2 tells it since Linux 5.18.
  const kernelBytes =
    bytes('kmem') ??
    (statistics.has('kernel') ? get('kernel') + get('sock') : undefined) ??
    (bytes('memory') ?? 0) - anonBytes - fileBytes - shmemBytes;
  return {
    ...{ anonBytes, fileBytes, shmemBytes, kernelBytes: Math.max(kernelBytes, 0) },
    ...(swapBytes !== undefined && { swapBytes }),
    dirtyBytes: isV1 ? get('dirty') + get('writeback') : get('file_dirty') + get('file_writeback'),
    unevictableBytes: get('unevictable'),
  };
}
