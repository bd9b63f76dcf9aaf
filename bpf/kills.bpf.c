// SPDX-License-Identifier: GPL-3.0-only
/*
 * Tells every SIGKILL that ends a process, with what the kernel knows of its sender. User space says who it was.
 *
 * signal_generate fires for every signal: one look at its number ends the program for all but SIGKILL and SIGTERM. The
 * program keeps the last SIGTERM of each process, so that a kill can say how long the process did not end.
 *
 * The OOM killer marks its victim after the SIGKILL, so a kill is known to be its own only then.
 */
#include "kernel.h"
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include "kills.h"
#include "marks.h"
#include "tasks.h"

#define SIGTERM 15

/* In place of a siginfo, include/linux/sched/signal.h. */
#define SEND_SIG_NOINFO 0

/* include/trace/events/signal.h */
#define TRACE_SIGNAL_DELIVERED 0
#define TRACE_SIGNAL_IGNORED   1

const volatile struct kills_config config SEC(".rodata.config");
struct kills_counters counters SEC(".data.counters");

struct term {
	__u64 start_ns; /* of the process: another one can get its number */
	__u64 time_ns;
	__u32 sender_tgid;
	__u8 is_ignored;
	__u8 process[COMM_BYTES]; /* of the sender */
};

/* The last SIGTERM of each process. LRU: entries of processes that ended are never removed. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 1024);
	__type(key, __u32); /* tgid */
	__type(value, struct term);
} terms SEC(".maps");

/* User space sets the size before loading. */
struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4096);
} events SEC(".maps");

#include "paths.h"

/* The cgroups whose paths are told, by their role in a kill. */
enum { VICTIM_PATH, SENDER_PATH };

static __always_inline bool is_wanted(struct task_struct *victim)
{
	if (config.pid_ns_inum && !in_pid_namespace(victim, config.pid_ns_inum))
		return false;
	return !config.cgroup_id || in_cgroup(victim, config.cgroup_id, config.cgroup_v1);
}

/* The kernel also sends SIGKILL to processes that end already, and to an init that is safe from its own processes. */
static __always_inline bool ends(struct task_struct *victim, int result)
{
	return result == TRACE_SIGNAL_DELIVERED && BPF_CORE_READ(victim, signal, live.counter) > 0 &&
	       (BPF_CORE_READ(victim, signal, group_exit_code) & 0x7f) == SIGKILL;
}

static __always_inline void describe_term(struct kill_event *event, struct task_struct *victim)
{
	__u32 tgid = event->victim_tgid; /* before 5.18 a key is not looked up from the ring buffer */
	struct term *term = bpf_map_lookup_elem(&terms, &tgid);

	if (!term || term->start_ns != BPF_CORE_READ(victim, group_leader, start_time))
		return;
	event->term_ns = term->time_ns;
	event->term_sender_tgid = term->sender_tgid;
	event->term_ignored = term->is_ignored;
	__builtin_memcpy(event->term_process, term->process, COMM_BYTES);
}

/* Not inlined, so that clang describes struct kill_event in BTF. */
static __noinline void describe(struct kill_event *event, struct task_struct *victim, __u64 info, int group)
{
	struct task_struct *sender = (void *)bpf_get_current_task();
	__u64 id = bpf_get_current_pid_tgid();

	__builtin_memset(event, 0, sizeof(*event));
	event->time_ns = bpf_ktime_get_ns();
	event->memory = (__u64)memory_of(victim);
	event->victim_cgroup_id = BPF_CORE_READ(naming_cgroup(victim), kn, id);
	event->sender_cgroup_id = BPF_CORE_READ(naming_cgroup(sender), kn, id);
	event->victim_tgid = BPF_CORE_READ(victim, tgid);
	event->victim_own_tgid = own_tgid(victim);
	event->victim_uid = BPF_CORE_READ(victim, real_cred, uid.val);
	event->sender_pid = id;
	event->sender_tgid = id >> 32;
	event->sender_own_tgid = own_tgid(sender);
	event->sender_uid = bpf_get_current_uid_gid();
	if (info == SEND_SIG_NOINFO) {
		event->info = INFO_NONE;
	} else if (info == SEND_SIG_PRIV) {
		event->info = INFO_KERNEL;
	} else {
		event->info = INFO_SENT;
		event->code = BPF_CORE_READ((struct kernel_siginfo *)info, si_code);
	}
	event->is_group = !!group;
	event->sender_exits = !!(BPF_CORE_READ(sender, flags) & PF_EXITING);
	event->dies_with_parent = BPF_CORE_READ(victim, pdeath_signal) == SIGKILL;
	BPF_CORE_READ_INTO(&event->victim_process, victim, group_leader, comm);
	BPF_CORE_READ_INTO(&event->sender_process, sender, group_leader, comm);
	describe_term(event, victim);
}

static __noinline void kill_sent(struct task_struct *victim, __u64 info, int group, int result)
{
	struct kill_event *event;

	if (info == SEND_SIG_PRIV)
		kernel_kills(victim);
	if (!ends(victim, result) || !is_wanted(victim))
		return;
	__sync_fetch_and_add(&counters.kills, 1);
	event = bpf_ringbuf_reserve(&events, sizeof(*event), 0);
	if (!event) {
		__sync_fetch_and_add(&counters.lost, 1);
		return;
	}
	describe(event, victim, info, group);
	/* The paths follow the event before it is committed, so the reader finds all of them or none. */
	tell_path((__u64)naming_cgroup(victim), VICTIM_PATH);
	tell_path((__u64)naming_cgroup((void *)bpf_get_current_task()), SENDER_PATH);
	bpf_ringbuf_submit(event, 0);
}

static __noinline void term_sent(struct task_struct *task, int result)
{
	struct task_struct *sender = (void *)bpf_get_current_task();
	__u32 tgid = BPF_CORE_READ(task, tgid);
	struct term term = {};

	term.start_ns = BPF_CORE_READ(task, group_leader, start_time);
	term.time_ns = bpf_ktime_get_ns();
	term.sender_tgid = bpf_get_current_pid_tgid() >> 32;
	term.is_ignored = result == TRACE_SIGNAL_IGNORED;
	BPF_CORE_READ_INTO(&term.process, sender, group_leader, comm);
	bpf_map_update_elem(&terms, &tgid, &term, BPF_ANY);
}

/*
 * Not tp_btf: there the verifier takes the second argument for a pointer that is never NULL, and leaves out the code
 * for SEND_SIG_NOINFO.
 */
SEC("raw_tp/signal_generate")
int signal_sent(struct bpf_raw_tracepoint_args *ctx)
{
	int sig = ctx->args[0];

	if (sig == SIGKILL)
		kill_sent((void *)ctx->args[2], ctx->args[1], ctx->args[3], ctx->args[4]);
	else if (sig == SIGTERM)
		term_sent((void *)ctx->args[2], ctx->args[4]);
	return 0;
}

/* Not inlined, so that clang describes struct kill_mark in BTF. */
static __noinline void describe_mark(struct kill_mark *mark, struct task_struct *victim)
{
	mark->memory = (__u64)memory_of(victim);
	mark->sender_pid = bpf_get_current_pid_tgid();
	mark->victim_tgid = BPF_CORE_READ(victim, tgid);
}

SEC("raw_tp/mark_victim")
int victim_marked(struct bpf_raw_tracepoint_args *ctx)
{
	struct task_struct *victim = marked_victim(ctx);
	struct kill_mark *mark;

	if (!victim || !is_wanted(victim))
		return 0;
	mark = bpf_ringbuf_reserve(&events, sizeof(*mark), 0);
	if (!mark) {
		__sync_fetch_and_add(&counters.cut, 1);
		return 0;
	}
	describe_mark(mark, victim);
	bpf_ringbuf_submit(mark, 0);
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
