/* SPDX-License-Identifier: GPL-3.0-only */
/*
 * System calls that read or write a file: their numbers, and where their arguments are, on each architecture.
 * 32-bit programs on a 64-bit kernel use the numbers of other calls, so every call is first told apart by its kind.
 */
#ifndef FLOATIE_SYSCALLS_H
#define FLOATIE_SYSCALLS_H

#if defined(__TARGET_ARCH_x86)

/* arch/x86/entry/syscalls/syscall_64.tbl */
static __always_inline int op_of_native(long nr)
{
	switch (nr) {
	case 0:   /* read */
	case 17:  /* pread64 */
	case 19:  /* readv */
	case 295: /* preadv */
	case 327: /* preadv2 */
		return OP_READ;
	case 1:   /* write */
	case 18:  /* pwrite64 */
	case 20:  /* writev */
	case 296: /* pwritev */
	case 328: /* pwritev2 */
		return OP_WRITE;
	}
	return -1;
}

/* arch/x86/entry/syscalls/syscall_32.tbl */
static __always_inline int op_of_compat(long nr)
{
	switch (nr) {
	case 3:   /* read */
	case 145: /* readv */
	case 180: /* pread64 */
	case 333: /* preadv */
	case 378: /* preadv2 */
		return OP_READ;
	case 4:   /* write */
	case 146: /* writev */
	case 181: /* pwrite64 */
	case 334: /* pwritev */
	case 379: /* pwritev2 */
		return OP_WRITE;
	}
	return -1;
}

/* TS_COMPAT, arch/x86/include/asm/thread_info.h */
#define COMPAT_FIELD status
#define COMPAT_BIT   0x2

#elif defined(__TARGET_ARCH_arm64)

/* include/uapi/asm-generic/unistd.h */
static __always_inline int op_of_native(long nr)
{
	switch (nr) {
	case 63:  /* read */
	case 65:  /* readv */
	case 67:  /* pread64 */
	case 69:  /* preadv */
	case 286: /* preadv2 */
		return OP_READ;
	case 64:  /* write */
	case 66:  /* writev */
	case 68:  /* pwrite64 */
	case 70:  /* pwritev */
	case 287: /* pwritev2 */
		return OP_WRITE;
	}
	return -1;
}

/* arch/arm/tools/syscall.tbl */
static __always_inline int op_of_compat(long nr)
{
	switch (nr) {
	case 3:   /* read */
	case 145: /* readv */
	case 180: /* pread64 */
	case 361: /* preadv */
	case 392: /* preadv2 */
		return OP_READ;
	case 4:   /* write */
	case 146: /* writev */
	case 181: /* pwrite64 */
	case 362: /* pwritev */
	case 393: /* pwritev2 */
		return OP_WRITE;
	}
	return -1;
}

/* TIF_32BIT, arch/arm64/include/asm/thread_info.h */
#define COMPAT_FIELD flags
#define COMPAT_BIT   (1 << 22)

#endif

static __always_inline int op_of_syscall(long nr, bool compat)
{
	return compat ? op_of_compat(nr) : op_of_native(nr);
}

static __always_inline int syscall_nr(struct pt_regs *regs)
{
#if defined(__TARGET_ARCH_x86)
	return regs->orig_ax;
#else
	return regs->syscallno;
#endif
}

/* The first argument, as the registers still hold it at the exit. */
static __always_inline __u32 syscall_fd(struct pt_regs *regs, bool compat)
{
#if defined(__TARGET_ARCH_x86)
	return compat ? regs->bx : regs->di;
#else
	return regs->orig_x0;
#endif
}

static __always_inline __u64 syscall_id(long nr, bool compat, __u32 fd)
{
	return (__u64)fd << 32 | (__u64)compat << 31 | (__u32)nr;
}

#endif
