/* SPDX-License-Identifier: GPL-3.0-only */
/* The contract between kills.bpf.c and src/receivers/kills. A test compares both sides through BTF. */
#ifndef FLOATIE_KILLS_H
#define FLOATIE_KILLS_H

#define COMM_BYTES 16

/* Read-only in the kernel, written before loading. */
struct kills_config {
	__u64 pid_ns_inum; /* of the victim; 0: every PID namespace */
	__u64 cgroup_id;   /* of the victim, or above its own; 0: every cgroup */
	__u64 mount_id;    /* the cgroup that user space sees as the root of the hierarchy; 0: it sees none */
	__u8 cgroup_v1;    /* that cgroup, the ids and the paths that are told are of the v1 memory hierarchy */
};

struct kills_counters {
	__u64 kills; /* whether the event found room or not */
	__u64 lost;  /* kills whose event found no room in the ring buffer */
	__u64 cut;   /* paths and marks that found no room there */
};

/* What the kernel knows of who sent the signal. */
enum kill_info {
	INFO_SENT,   /* it has a siginfo */
	INFO_NONE,   /* SEND_SIG_NOINFO */
	INFO_KERNEL, /* SEND_SIG_PRIV */
};

/* A SIGKILL that ends a process. Names can be any bytes that the process wrote there, ended by a NUL. */
struct kill_event {
	__u64 time_ns;          /* CLOCK_MONOTONIC */
	__u64 memory;           /* which memory the victim has: a number without meaning, 0 for none */
	__u64 victim_cgroup_id; /* in the hierarchy that names containers */
	__u64 sender_cgroup_id;
	__u64 term_ns; /* when the last SIGTERM was sent to the victim; 0: none that is remembered */
	__u32 victim_tgid;
	__u32 victim_own_tgid; /* in its own PID namespace */
	__u32 victim_uid;
	__u32 sender_pid;
	__u32 sender_tgid;
	__u32 sender_own_tgid;
	__u32 sender_uid;
	__s32 code; /* si_code of the siginfo */
	__u32 term_sender_tgid;
	__u8 info;             /* enum kill_info */
	__u8 is_group;         /* sent to the process, not to a thread */
	__u8 sender_exits;     /* the sender is ending */
	__u8 dies_with_parent; /* prctl(PR_SET_PDEATHSIG, SIGKILL) */
	__u8 term_ignored;     /* the victim ignores SIGTERM, or is an init without a handler for it */
	__u8 victim_process[COMM_BYTES];
	__u8 sender_process[COMM_BYTES];
	__u8 term_process[COMM_BYTES];
};

/* The OOM killer marked a process to which the same thread had just sent SIGKILL. */
struct kill_mark {
	__u64 memory; /* as in kill_event */
	__u32 sender_pid;
	__u32 victim_tgid;
};

#endif
