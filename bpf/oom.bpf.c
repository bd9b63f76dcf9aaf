// SPDX-License-Identifier: GPL-3.0-only
/*
 * Counts every OOM kill and sends an event with its details.
 *
 * The kernel kills in one order since 4.x: SIGKILL to the victim, then mark_victim, both by the task whose allocation
 * failed (the trigger) and under the victim's task lock. A mark without a SIGKILL before it is no kill: the kernel also
 * marks a task that is exiting anyway. Signal and mark exist on every kernel, so all kills are counted by them.
 *
 * Then the kernel sends SIGKILL to every other process that shares the victim's memory. It neither marks nor counts
 * those processes.
 *
 * Only oom_kill_process knows whose limit was reached. It runs under oom_lock, so one global variable keeps its
 * arguments while it runs. Where it cannot be attached, or a call was missed, the kill is counted without them.
 */
#include "kernel.h"
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
#include "functions.h"
#include "marks.h"
#include "oom.h"
#include "tasks.h"

const volatile struct oom_config config SEC(".rodata.config");
struct oom_counters counters SEC(".data.counters");

/* User space sets the size before loading. */
struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4096);
} events SEC(".maps");

/* The arguments of the oom_kill_process that is running. */
static struct {
	__u64 number;
	__u64 trigger;                /* pid_tgid of the task that runs it; 0: none runs */
	struct signal_struct *chosen; /* the process */
	struct mem_cgroup *memcg;     /* whose limit was hit */
	struct oom_decision what;
} current_decision;

/*
 * The last marked process; marks happen under oom_lock. Not static, because clang would split a static struct into
 * variables and leave them out of BTF.
 */
struct {
	__u64 trigger; /* pid_tgid; 0: the process is left out */
	struct mm_struct *mm;
	struct signal_struct *signal;
	__u32 tgid;
} last_victim;

#include "paths.h"

/* The cgroups whose paths are told, by their role in a kill. */
enum { VICTIM_PATH, TRIGGER_PATH, LIMIT_PATH };

/*
 * The id of the highest cgroup with memory.oom.group, from the task's own up to the domain (NULL: the root); 0 without
 * one. The same rule as in mem_cgroup_get_oom_group().
 */
static __noinline __u64 group_of(struct task_struct *task, struct mem_cgroup *domain)
{
	struct cgroup_subsys_state *css = memory_css(task);
	__u64 group = 0;

	if (!bpf_core_field_exists(struct mem_cgroup, oom_group))
		return 0;
	for (int depth = 0; css && depth < CGROUP_DEPTH; depth++) {
		struct mem_cgroup *memcg = (void *)css - bpf_core_field_offset(struct mem_cgroup, css);

		if (BPF_CORE_READ(memcg, oom_group))
			group = BPF_CORE_READ(css, cgroup, kn, id);
		if (memcg == domain)
			return group;
		css = BPF_CORE_READ(css, parent);
	}
	return domain ? 0 : group;
}

/* Whether the task's memory is charged to this cgroup or to one below it. */
static __noinline bool is_within(struct task_struct *task, struct mem_cgroup *memcg)
{
	struct cgroup_subsys_state *css = memory_css(task);

	for (int depth = 0; css && depth < CGROUP_DEPTH; depth++) {
		if ((void *)css - bpf_core_field_offset(struct mem_cgroup, css) == (void *)memcg)
			return true;
		css = BPF_CORE_READ(css, parent);
	}
	return false;
}

static __always_inline void describe_limit(struct oom_decision *what, struct mem_cgroup *memcg, struct cgroup_root *v2)
{
	bool has_memsw =
		BPF_CORE_READ(memcg, css.cgroup, root) != v2 && bpf_core_field_exists(struct mem_cgroup, memsw);
	__s64 usage = 0;
	__s64 limit = 0;

	/* Before the usage of memory: what other CPUs give back meanwhile must not make room here alone. */
	if (has_memsw) {
		usage = BPF_CORE_READ(memcg, memsw.usage.counter);
		limit = BPF_CORE_READ(memcg, memsw.max);
	}
	what->limit_cgroup_id = BPF_CORE_READ(memcg, css.cgroup, kn, id);
	what->usage_pages = BPF_CORE_READ(memcg, memory.usage.counter);
	what->limit_pages = BPF_CORE_READ(memcg, memory.max);
	/* In v1 the limit of memory and swap together may be the reached one: take the limit with less room left. */
	if (has_memsw && limit - usage <= (__s64)(what->limit_pages - what->usage_pages)) {
		what->limits_swap = 1;
		what->usage_pages = usage;
		what->limit_pages = limit;
	}
}

/* Not inlined, so that the verifier checks it once. */
static __noinline void begin_decision(struct oom_control *oc)
{
	struct task_struct *chosen = BPF_CORE_READ(oc, chosen);
	struct mem_cgroup *memcg = BPF_CORE_READ(oc, memcg);
	struct oom_decision what = {};

	what.number = ++current_decision.number;
	what.constraint = BPF_CORE_READ(oc, constraint);
	what.gfp_mask = BPF_CORE_READ(oc, gfp_mask);
	what.order = BPF_CORE_READ(oc, order);
	what.domain_pages = BPF_CORE_READ(oc, totalpages);
	what.group_cgroup_id = group_of(chosen, memcg);
	if (memcg) {
		describe_limit(&what, memcg, BPF_CORE_READ(chosen, cgroups, dfl_cgrp, root));
		what.trigger_outside = !is_within((void *)bpf_get_current_task(), memcg);
	}
	current_decision.what = what;
	current_decision.memcg = memcg;
	current_decision.chosen = BPF_CORE_READ(chosen, signal);
	current_decision.trigger = bpf_get_current_pid_tgid();
}

static __always_inline void end_decision(void)
{
	counters.decided = current_decision.number;
	current_decision.trigger = 0;
}

/* Whether the kept arguments are of this victim. They are of an earlier call if its return was missed. */
static __always_inline bool is_decided(struct task_struct *victim)
{
	return current_decision.trigger == bpf_get_current_pid_tgid() &&
	       (current_decision.what.group_cgroup_id || current_decision.chosen == BPF_CORE_READ(victim, signal));
}

#define read_pages(to, counter)                                   \
	do {                                                      \
		__s64 pages = 0;                                  \
                                                                  \
		bpf_core_read(&pages, sizeof(pages), &(counter)); \
		(to) = pages > 0 ? pages : 0;                     \
	} while (0)

/* The same values as in the kernel's report, but without the per-CPU remainders. */
static __always_inline void describe_rss(struct oom_event *event, void *mm)
{
	struct mm_struct___before_6_2 *before = mm;
	struct mm_struct___since_6_2 *since = mm;

	event->has_rss = 1;
	if (is_known(before->rss_stat.count[MM_SHMEMPAGES].counter)) {
		read_pages(event->anon_pages, before->rss_stat.count[MM_ANONPAGES].counter);
		read_pages(event->file_pages, before->rss_stat.count[MM_FILEPAGES].counter);
		read_pages(event->shmem_pages, before->rss_stat.count[MM_SHMEMPAGES].counter);
	} else if (is_known(since->rss_stat[MM_SHMEMPAGES].count)) {
		read_pages(event->anon_pages, since->rss_stat[MM_ANONPAGES].count);
		read_pages(event->file_pages, since->rss_stat[MM_FILEPAGES].count);
		read_pages(event->shmem_pages, since->rss_stat[MM_SHMEMPAGES].count);
	} else {
		event->has_rss = 0;
	}
}

/* The paths follow the event before it is committed, so the reader finds all of them or none. */
static __always_inline void tell_paths(struct task_struct *victim)
{
	tell_path((__u64)naming_cgroup(victim), VICTIM_PATH);
	tell_path((__u64)naming_cgroup((void *)bpf_get_current_task()), TRIGGER_PATH);
}

/* Not inlined, so that clang describes struct oom_event in BTF. */
static __noinline void describe(struct oom_event *event, struct task_struct *victim)
{
	struct task_struct *task = (void *)bpf_get_current_task();
	__u64 trigger = bpf_get_current_pid_tgid();

	__builtin_memset(event, 0, sizeof(*event));
	event->time_ns = bpf_ktime_get_ns();
	event->memory_cgroup_id = memory_cgroup_id(victim);
	event->default_cgroup_id = default_cgroup_id(victim);
	event->trigger_memory_cgroup_id = memory_cgroup_id(task);
	event->trigger_default_cgroup_id = default_cgroup_id(task);
	event->victim_pid = BPF_CORE_READ(victim, pid);
	event->victim_tgid = BPF_CORE_READ(victim, tgid);
	event->victim_own_tgid = own_tgid(victim);
	event->victim_uid = BPF_CORE_READ(victim, real_cred, uid.val);
	event->trigger_pid = trigger;
	event->trigger_tgid = trigger >> 32;
	event->trigger_uid = bpf_get_current_uid_gid();
	event->oom_score_adj = BPF_CORE_READ(victim, signal, oom_score_adj);
	bpf_core_read(event->victim_comm, sizeof(event->victim_comm), &victim->comm);
	BPF_CORE_READ_INTO(&event->victim_process, victim, group_leader, comm);
	bpf_get_current_comm(event->trigger_comm, sizeof(event->trigger_comm));
	BPF_CORE_READ_INTO(&event->trigger_process, task, group_leader, comm);
}

static __always_inline void describe_memory(struct oom_event *event, struct task_struct *victim, struct mm_struct *mm)
{
	describe_rss(event, mm);
	event->page_table_bytes = BPF_CORE_READ(mm, pgtables_bytes.counter);
	event->total_vm_pages = BPF_CORE_READ(mm, total_vm);
	/* Readers of /proc/PID hold a reference, too, but only for a moment. */
	event->is_shared = BPF_CORE_READ(mm, mm_users.counter) > BPF_CORE_READ(victim, signal, live.counter);
}

/* A process that the kernel kills because it shares the last victim's memory. */
static __noinline void sharer_killed(struct task_struct *task)
{
	struct oom_event *event;

	if (BPF_CORE_READ(task, signal) == last_victim.signal || !shares_memory(task, last_victim.mm))
		return;
	event = bpf_ringbuf_reserve(&events, sizeof(*event), 0);
	if (!event) {
		__sync_fetch_and_add(&counters.cut, 1);
		return;
	}
	describe(event, task);
	event->shares_with = last_victim.tgid;
	tell_paths(task);
	bpf_ringbuf_submit(event, 0);
}

SEC("tp_btf/signal_generate")
int BPF_PROG(signal_sent, int sig, void *info, struct task_struct *task, int group, int result)
{
	if (sig != SIGKILL || (__u64)info != SEND_SIG_PRIV)
		return 0;
	/*
	 * When a whole cgroup is killed, the chosen victim gets a second SIGKILL, and the kernel can mark several
	 * threads of one process: such a process counts once. A process that is exiting already counts as well: if the
	 * first victim is a container's init, the others are ending before the OOM killer reaches them, and the kernel
	 * counts them, too.
	 */
	if (BPF_CORE_READ(task, signal, oom_mm))
		return 0;
	kernel_kills(task);
	if (last_victim.trigger == bpf_get_current_pid_tgid())
		sharer_killed(task);
	return 0;
}

SEC("raw_tp/mark_victim")
int victim_marked(struct bpf_raw_tracepoint_args *ctx)
{
	struct task_struct *victim = marked_victim(ctx);
	struct oom_event *event;
	struct mm_struct *mm;

	if (!victim)
		return 0;
	last_victim.trigger = 0;
	__sync_fetch_and_add(&counters.all, 1);
	if (config.pid_ns_inum && !in_pid_namespace(victim, config.pid_ns_inum))
		return 0;
	if (config.cgroup_id && !in_cgroup(victim, config.cgroup_id, config.cgroup_v1))
		return 0;
	__sync_fetch_and_add(&counters.kills, 1);
	mm = BPF_CORE_READ(victim, mm);
	last_victim.mm = mm;
	last_victim.signal = BPF_CORE_READ(victim, signal);
	last_victim.tgid = BPF_CORE_READ(victim, tgid);
	last_victim.trigger = bpf_get_current_pid_tgid();
	event = bpf_ringbuf_reserve(&events, sizeof(*event), 0);
	if (!event) {
		__sync_fetch_and_add(&counters.lost, 1);
		return 0;
	}
	describe(event, victim);
	describe_memory(event, victim, mm);
	if (is_decided(victim)) {
		struct mem_cgroup *memcg = current_decision.memcg;

		event->decision = current_decision.what;
		if (memcg)
			tell_path((__u64)BPF_CORE_READ(memcg, css.cgroup), LIMIT_PATH);
	} else {
		event->decision.group_cgroup_id = group_of(victim, NULL);
	}
	tell_paths(victim);
	bpf_ringbuf_submit(event, 0);
	return 0;
}

SEC("?fentry/oom_kill_process")
int BPF_PROG(fentry_decision, struct oom_control *oc)
{
	begin_decision(oc);
	return 0;
}

SEC("?fexit/oom_kill_process")
int BPF_PROG(fexit_decision, struct oom_control *oc)
{
	end_decision();
	return 0;
}

/* No function in the section name: attached to events of tracefs. */
SEC("?kprobe")
int kprobe_decision(struct pt_regs *regs)
{
	begin_decision((void *)first_argument(regs));
	return 0;
}

SEC("?kretprobe")
int kretprobe_decision(struct pt_regs *regs)
{
	end_decision();
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
