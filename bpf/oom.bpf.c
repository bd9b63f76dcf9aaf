// SPDX-License-Identifier: GPL-3.0-only
/*
 * Counts every OOM kill and sends what is known of it.
 *
 * The kernel kills in one order since 4.x: SIGKILL to the victim, then mark_victim, both by the task whose allocation
 * failed and under the victim's lock. Only a mark that follows a SIGKILL is a kill: a task that is exiting anyway is
 * marked as well, and nobody is killed.
 */
#include "kernel.h"
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
#include "oom.h"
#include "tasks.h"

#define SIGKILL 9
/* The kernel's own signals carry this in place of a siginfo, include/linux/sched/signal.h. */
#define SEND_SIG_PRIV 1

/* include/linux/mm_types_task.h */
enum { MM_FILEPAGES, MM_ANONPAGES, MM_SWAPENTS, MM_SHMEMPAGES };

const volatile struct oom_config config SEC(".rodata.config");
struct oom_counters counters SEC(".data.counters");

/* The task that a thread has just sent the kernel's SIGKILL to. Most are not OOM kills, and nobody removes them. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 1024);
	__type(key, __u64); /* pid_tgid of the sender */
	__type(value, __u64); /* struct task_struct * */
} killed SEC(".maps");

/* Its size is set before loading. */
struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4096);
} events SEC(".maps");

/* What the kernel's own report prints: without what other CPUs have not added up yet. */
static __always_inline __u64 rss_pages(struct mm_struct *mm, int kind)
{
	__s64 pages = 0;

	if (bpf_core_field_exists(struct mm_struct___before_6_2, rss_stat)) {
		struct mm_struct___before_6_2 *before = (void *)mm;

		bpf_core_read(&pages, sizeof(pages), &before->rss_stat.count[kind]);
	} else {
		/* By hand: an index that is no constant of the source would use our size of the element. */
		void *counter = (void *)mm + bpf_core_field_offset(struct mm_struct___since_6_2, rss_stat) +
				kind * bpf_core_type_size(struct percpu_counter);

		bpf_core_read(&pages, sizeof(pages), &((struct percpu_counter *)counter)->count);
	}
	return pages > 0 ? pages : 0;
}

/* A function of its own, so that the compiler describes struct oom_event in BTF. */
static __noinline void describe(struct oom_event *event, struct task_struct *victim)
{
	struct mm_struct *mm = BPF_CORE_READ(victim, mm);
	__u64 trigger = bpf_get_current_pid_tgid();

	event->time_ns = bpf_ktime_get_ns();
	event->memory_cgroup_id = memory_cgroup_id(victim);
	event->default_cgroup_id = default_cgroup_id(victim);
	event->anon_pages = rss_pages(mm, MM_ANONPAGES);
	event->file_pages = rss_pages(mm, MM_FILEPAGES);
	event->shmem_pages = rss_pages(mm, MM_SHMEMPAGES);
	event->total_vm_pages = BPF_CORE_READ(mm, total_vm);
	event->victim_pid = BPF_CORE_READ(victim, pid);
	event->victim_tgid = BPF_CORE_READ(victim, tgid);
	event->victim_uid = BPF_CORE_READ(victim, real_cred, uid.val);
	event->trigger_pid = trigger;
	event->trigger_tgid = trigger >> 32;
	event->trigger_uid = bpf_get_current_uid_gid();
	event->oom_score_adj = BPF_CORE_READ(victim, signal, oom_score_adj);
	bpf_core_read(event->victim_comm, sizeof(event->victim_comm), &victim->comm);
	bpf_get_current_comm(event->trigger_comm, sizeof(event->trigger_comm));
}

SEC("tp_btf/signal_generate")
int BPF_PROG(signal_sent, int sig, void *info, struct task_struct *task)
{
	__u64 sender = bpf_get_current_pid_tgid();
	__u64 receiver = (__u64)task;

	if (sig == SIGKILL && (__u64)info == SEND_SIG_PRIV)
		bpf_map_update_elem(&killed, &sender, &receiver, BPF_ANY);
	return 0;
}

SEC("raw_tp/mark_victim")
int victim_marked(struct bpf_raw_tracepoint_args *ctx)
{
	__u64 sender = bpf_get_current_pid_tgid();
	__u64 *receiver = bpf_map_lookup_elem(&killed, &sender);
	struct task_struct *victim;
	struct oom_event *event;
	int pid;

	if (!receiver)
		return 0;
	victim = (void *)*receiver;
	bpf_map_delete_elem(&killed, &sender);
	if (bpf_core_field_exists(struct trace_event_raw_mark_victim, uid))
		pid = BPF_CORE_READ((struct task_struct *)ctx->args[0], pid);
	else
		pid = ctx->args[0];
	if (BPF_CORE_READ(victim, pid) != pid)
		return 0;
	if (config.pid_ns_inum && !in_pid_namespace(victim, config.pid_ns_inum))
		return 0;

	__sync_fetch_and_add(&counters.kills, 1);
	event = bpf_ringbuf_reserve(&events, sizeof(*event), 0);
	if (!event) {
		__sync_fetch_and_add(&counters.lost, 1);
		return 0;
	}
	describe(event, victim);
	bpf_ringbuf_submit(event, 0);
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
