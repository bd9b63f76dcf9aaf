/** Names of allocation flags, as in the kernel's reports. */

/**
 * include/linux/gfp_types.h (gfp.h before Linux 6.0). Bits below this one have not changed since 5.8; higher ones
 * depend on the kernel's configuration.
 */
const KNOWN_BITS = 23;

const FLAGS: Readonly<Record<string, number>> = {
  __GFP_DMA: 0x1,
  __GFP_HIGHMEM: 0x2,
  __GFP_DMA32: 0x4,
  __GFP_MOVABLE: 0x8,
  __GFP_RECLAIMABLE: 0x10,
  __GFP_HIGH: 0x20,
  __GFP_IO: 0x40,
  __GFP_FS: 0x80,
  __GFP_ZERO: 0x100,
  __GFP_ATOMIC: 0x200, // unused since Linux 6.3
  __GFP_DIRECT_RECLAIM: 0x400,
  __GFP_KSWAPD_RECLAIM: 0x800,
  __GFP_WRITE: 0x1000,
  __GFP_NOWARN: 0x2000,
  __GFP_RETRY_MAYFAIL: 0x4000,
  __GFP_NOFAIL: 0x8000,
  __GFP_NORETRY: 0x1_0000,
  __GFP_MEMALLOC: 0x2_0000,
  __GFP_COMP: 0x4_0000,
  __GFP_NOMEMALLOC: 0x8_0000,
  __GFP_HARDWALL: 0x10_0000,
  __GFP_THISNODE: 0x20_0000,
  __GFP_ACCOUNT: 0x40_0000,
};

const RECLAIM = 0xc00;
const KERNEL = RECLAIM | 0xc0;
const USER = KERNEL | 0x10_0000;
const HIGHUSER_MOVABLE = USER | 0xa;
const TRANSHUGE_LIGHT = (HIGHUSER_MOVABLE | 0x4_0000 | 0x8_0000 | 0x2000) & ~RECLAIM;

/** Names of combined flags, the largest first: include/trace/events/mmflags.h. */
const COMBINATIONS: Readonly<Record<string, number>> = {
  GFP_TRANSHUGE: TRANSHUGE_LIGHT | 0x400,
  GFP_TRANSHUGE_LIGHT: TRANSHUGE_LIGHT,
  GFP_HIGHUSER_MOVABLE: HIGHUSER_MOVABLE,
  GFP_HIGHUSER: USER | 0x2,
  GFP_USER: USER,
  GFP_KERNEL_ACCOUNT: KERNEL | 0x40_0000,
  GFP_KERNEL: KERNEL,
  GFP_NOFS: RECLAIM | 0x40,
  GFP_ATOMIC: 0x820,
  GFP_NOIO: RECLAIM,
  GFP_NOWAIT: 0x800,
};

/** `0xcc0` → `GFP_KERNEL`. Unnamed bits are added as a number. */
export function gfpNames(mask: number): string {
  const names: string[] = [];
  let left = mask;
  for (const [name, bits] of [...Object.entries(COMBINATIONS), ...Object.entries(FLAGS)]) {
    if ((left & bits) !== bits) continue;
    names.push(name);
    left &= ~bits;
  }
  if (left >>> KNOWN_BITS !== 0 || names.length === 0) names.push(`0x${(left >>> 0).toString(16)}`);
  return names.join('|');
}
