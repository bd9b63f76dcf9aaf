// SPDX-License-Identifier: GPL-3.0-only
/* Counts the system calls of one process: those of its main thread by number, those of its others together. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#define MAX_SYSCALLS  512
#define OTHER_THREADS MAX_SYSCALLS

const volatile __u32 pid SEC(".rodata.config");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, MAX_SYSCALLS + 1);
	__type(key, __u32);
	__type(value, __u64);
} calls SEC(".maps");

SEC("tp_btf/sys_enter")
int BPF_PROG(syscall_enter, void *regs, long nr)
{
	__u64 id = bpf_get_current_pid_tgid();
	__u32 index = (__u32)id == pid ? nr & (MAX_SYSCALLS - 1) : OTHER_THREADS;
	__u64 *count;

	if (id >> 32 != pid)
		return 0;
	count = bpf_map_lookup_elem(&calls, &index);
	if (count)
		__sync_fetch_and_add(count, 1);
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
