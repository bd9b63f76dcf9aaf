/* SPDX-License-Identifier: GPL-3.0-only */
/*
 * System calls on a file: their numbers, and where their arguments are, on each architecture.
 * 32-bit programs on a 64-bit kernel use another table of numbers, so the kind of each call is checked first.
 */
#ifndef FLOATIE_SYSCALLS_H
#define FLOATIE_SYSCALLS_H

/* In place of the number of a call that an architecture does not have; another one each time, as case labels must be.
 */
#define ABSENT (-4096 - __COUNTER__)

/*
 * Each call, its operation, and its numbers: arch/x86/entry/syscalls/syscall_64.tbl and syscall_32.tbl,
 * include/uapi/asm-generic/unistd.h and arch/arm/tools/syscall.tbl.
 */
/* clang-format off */
#define SYSCALLS(ROW) \
	/*  name      operation x86-64 i386 arm64  arm */ \
	ROW(read,     OP_READ,       0,   3,   63,   3) \
	ROW(pread64,  OP_READ,      17, 180,   67, 180) \
	ROW(readv,    OP_READ,      19, 145,   65, 145) \
	ROW(preadv,   OP_READ,     295, 333,   69, 361) \
	ROW(preadv2,  OP_READ,     327, 378,  286, 392) \
	ROW(write,    OP_WRITE,      1,   4,   64,   4) \
	ROW(pwrite64, OP_WRITE,     18, 181,   68, 181) \
	ROW(writev,   OP_WRITE,     20, 146,   66, 146) \
	ROW(pwritev,  OP_WRITE,    296, 334,   70, 362) \
	ROW(pwritev2, OP_WRITE,    328, 379,  287, 393)
/* clang-format on */

#if defined(__TARGET_ARCH_x86)

#define NATIVE(name, op, x86_64, i386, arm64, arm) \
	case x86_64:                               \
		return op;
#define COMPAT(name, op, x86_64, i386, arm64, arm) \
	case i386:                                 \
		return op;

/* TS_COMPAT, arch/x86/include/asm/thread_info.h */
#define COMPAT_FIELD status
#define COMPAT_BIT   0x2

#elif defined(__TARGET_ARCH_arm64)

#define NATIVE(name, op, x86_64, i386, arm64, arm) \
	case arm64:                                \
		return op;
#define COMPAT(name, op, x86_64, i386, arm64, arm) \
	case arm:                                  \
		return op;

/* TIF_32BIT, arch/arm64/include/asm/thread_info.h */
#define COMPAT_FIELD flags
#define COMPAT_BIT   (1 << 22)

#endif

/* The operation of a call, -1 for a call that is none. */
static __always_inline int op_of_syscall(long nr, bool compat)
{
	if (compat) {
		switch (nr) {
			SYSCALLS(COMPAT)
		}
	} else {
		switch (nr) {
			SYSCALLS(NATIVE)
		}
	}
	return -1;
}

static __always_inline int syscall_nr(struct pt_regs *regs)
{
#if defined(__TARGET_ARCH_x86)
	return regs->orig_ax;
#else
	return regs->syscallno;
#endif
}

/* The first argument, which the registers still hold at the exit. */
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
