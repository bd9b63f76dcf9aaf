/* SPDX-License-Identifier: GPL-3.0-only */
/* Which process the OOM killer has marked: the one to which the same thread has just sent the kernel's SIGKILL. */
#ifndef FLOATIE_MARKS_H
#define FLOATIE_MARKS_H

#define SIGKILL 9

/* In place of a siginfo, include/linux/sched/signal.h. */
#define SEND_SIG_PRIV 1

/* The task to which a thread last sent the kernel's SIGKILL. LRU: entries of other kills are never removed. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 1024);
	__type(key, __u64);   /* pid_tgid of the sender */
	__type(value, __u64); /* struct task_struct * */
} killed SEC(".maps");

static __always_inline void kernel_kills(struct task_struct *task)
{
	__u64 sender = bpf_get_current_pid_tgid();
	__u64 receiver = (__u64)task;

	bpf_map_update_elem(&killed, &sender, &receiver, BPF_ANY);
}

/*
 * At raw_tp/mark_victim. NULL for a mark without a SIGKILL before it, which is no kill: the kernel also marks a task
 * that is exiting anyway.
 */
static __always_inline struct task_struct *marked_victim(struct bpf_raw_tracepoint_args *ctx)
{
	__u64 sender = bpf_get_current_pid_tgid();
	__u64 *receiver = bpf_map_lookup_elem(&killed, &sender);
	struct task_struct *victim;
	int pid;

	if (!receiver)
		return NULL;
	victim = (void *)*receiver;
	bpf_map_delete_elem(&killed, &sender);
	if (bpf_core_field_exists(struct trace_event_raw_mark_victim, uid))
		pid = BPF_CORE_READ((struct task_struct *)ctx->args[0], pid);
	else
		pid = ctx->args[0];
	return BPF_CORE_READ(victim, pid) == pid ? victim : NULL;
}

#endif
