/* SPDX-License-Identifier: GPL-3.0-only */
/* The contract between oom.bpf.c and src/receivers/oom*.ts. A test compares both sides through BTF. */
#ifndef FLOATIE_OOM_H
#define FLOATIE_OOM_H

#define COMM_BYTES 16

/* Read-only in the kernel, written before loading. */
struct oom_config {
	__u64 pid_ns_inum; /* of the victim; 0: every PID namespace */
	__u64 cgroup_id;   /* of the victim, or above its own; 0: every cgroup */
	__u64 mount_id;    /* the cgroup that user space sees as the root of the hierarchy; 0: it sees none */
	__u8 cgroup_v1;    /* that cgroup, and the paths that are told, are of the v1 memory hierarchy */
};

struct oom_counters {
	__u64 all;     /* every kill, also of those that the filters leave out */
	__u64 kills;   /* whether the event found room or not */
	__u64 lost;    /* kills whose event found no room in the ring buffer */
	__u64 cut;     /* paths and sharers of memory that found no room there: the kills are told without */
	__u64 decided; /* number of the last decision of which all victims have been killed */
};

/* The arguments of oom_kill_process, of which one runs at a time. */
struct oom_decision {
	__u64 number;          /* from 1; 0: not known, and neither is the rest */
	__u64 limit_cgroup_id; /* the cgroup whose limit was hit; 0: none, the machine's memory ran out */
	__u64 group_cgroup_id; /* the cgroup that is killed as a whole; 0: none. Where the number is 0: that might be */
	__u64 limit_pages;     /* of that cgroup, when it was hit */
	__u64 usage_pages;
	__u64 domain_pages; /* what those who may be killed could use together */
	__u32 constraint;   /* enum oom_constraint */
	__u32 gfp_mask;
	__s32 order;          /* -1: asked for by sysrq-f */
	__u8 limits_swap;     /* cgroup v1: limit and usage are of memory and swap together */
	__u8 trigger_outside; /* the trigger lives neither in that cgroup nor below it */
};

/* A killed process. comm can be any bytes that the process wrote there, ended by a NUL. */
struct oom_event {
	__u64 time_ns; /* CLOCK_MONOTONIC */
	__u64 memory_cgroup_id;
	__u64 default_cgroup_id; /* in the v2 hierarchy */
	__u64 trigger_memory_cgroup_id;
	__u64 trigger_default_cgroup_id;
	__u64 anon_pages;
	__u64 file_pages;
	__u64 shmem_pages;
	__u64 page_table_bytes;
	__u64 total_vm_pages;
	struct oom_decision decision;
	__u32 victim_pid;
	__u32 victim_tgid;
	__u32 victim_own_tgid; /* in its own PID namespace */
	__u32 victim_uid;
	__u32 trigger_pid;
	__u32 trigger_tgid;
	__u32 trigger_uid;
	__s32 oom_score_adj;
	/*
	 * The victim whose memory this process shared: the kernel killed it along with the victim, without a mark and
	 * without counting it. The memory's numbers are in the victim's event. 0: this process is the victim.
	 */
	__u32 shares_with;
	__u8 is_shared;                  /* others may share its memory: their events follow */
	__u8 has_rss;                    /* the kernel keeps rss in a way that is known */
	__u8 victim_comm[COMM_BYTES];    /* of the thread */
	__u8 victim_process[COMM_BYTES]; /* of the process: its first thread's */
	__u8 trigger_comm[COMM_BYTES];
	__u8 trigger_process[COMM_BYTES];
};

#endif
