/* SPDX-License-Identifier: GPL-3.0-only */
/* The contract between oom.bpf.c and src/receivers/oom.ts. A test compares both sides through BTF. */
#ifndef FLOATIE_OOM_H
#define FLOATIE_OOM_H

#define COMM_BYTES 16

/* Read-only in the kernel, written before loading. */
struct oom_config {
	__u64 pid_ns_inum; /* of the victim; 0: every PID namespace */
};

struct oom_counters {
	__u64 kills; /* every kill, whether its event found room or not */
	__u64 lost;  /* kills whose event found no room in the ring buffer */
};

/* comm is whatever the process wrote there: any bytes, ended by a NUL. */
struct oom_event {
	__u64 time_ns; /* CLOCK_MONOTONIC */
	__u64 memory_cgroup_id;
	__u64 default_cgroup_id; /* in the v2 hierarchy */
	__u64 anon_pages;
	__u64 file_pages;
	__u64 shmem_pages;
	__u64 total_vm_pages;
	__u32 victim_pid;
	__u32 victim_tgid;
	__u32 victim_uid;
	__u32 trigger_pid;
	__u32 trigger_tgid;
	__u32 trigger_uid;
	__s32 oom_score_adj;
	__u8 victim_comm[COMM_BYTES];
	__u8 trigger_comm[COMM_BYTES];
};

#endif
