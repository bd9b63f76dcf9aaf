/* SPDX-License-Identifier: GPL-3.0-only */
/* What a kprobe shows of the function it is on. Kernel functions pass their arguments otherwise than system calls. */
#ifndef FLOATIE_FUNCTIONS_H
#define FLOATIE_FUNCTIONS_H

/* Of a probed function: its first argument at the entry, what it returns at the exit. */
static __always_inline __u64 first_argument(struct pt_regs *regs)
{
#if defined(__TARGET_ARCH_x86)
	return regs->di;
#else
	return regs->regs[0];
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
