// SPDX-License-Identifier: GPL-3.0-only
/* The least that following system calls, or switches between tasks, can cost. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

SEC("?tp_btf/sys_enter")
int BPF_PROG(syscall_enter)
{
	return 0;
}

SEC("?tp_btf/sys_exit")
int BPF_PROG(syscall_exit)
{
	return 0;
}

SEC("?tp_btf/sched_switch")
int task_switch(void *ctx)
{
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
