/* SPDX-License-Identifier: GPL-3.0-only */
/* A probed function's registers. Kernel functions use another calling convention than system calls. */
#ifndef FLOATIE_FUNCTIONS_H
#define FLOATIE_FUNCTIONS_H

/* The first four arguments at the entry, and the return value at the exit. */
static __always_inline __u64 first_argument(struct pt_regs *regs)
{
#if defined(__TARGET_ARCH_x86)
	return regs->di;
#else
	return regs->regs[0];
#endif
}

static __always_inline __u64 second_argument(struct pt_regs *regs)
{
#if defined(__TARGET_ARCH_x86)
	return regs->si;
#else
	return regs->regs[1];
#endif
}

static __always_inline __u64 third_argument(struct pt_regs *regs)
{
#if defined(__TARGET_ARCH_x86)
	return regs->dx;
#else
	return regs->regs[2];
#endif
}

static __always_inline __u64 fourth_argument(struct pt_regs *regs)
{
#if defined(__TARGET_ARCH_x86)
	return regs->cx;
#else
	return regs->regs[3];
#endif
}

static __always_inline __s64 returned(struct pt_regs *regs)
{
#if defined(__TARGET_ARCH_x86)
	return regs->ax;
#else
	return regs->regs[0];
#endif
}

#endif
