/* SPDX-License-Identifier: GPL-3.0-only */
/*
 * What operations sleep for, by the scheduler's tracepoint and a few that tell why. All of them run for every task of
 * the machine, so while no task is in an operation they look at two numbers only. On kernels without one of them, the
 * time of its cause is CAUSE_OTHER.
 */
#ifndef FLOATIE_SLEEPS_H
#define FLOATIE_SLEEPS_H

/* In place of the place of an operation whose sleeps were not followed. */
#define NO_PLACE (PLACES + 1)

/* Whether the task that runs on this CPU may be in an operation. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} in_operation SEC(".maps");

/* The number of tasks that have left the CPU in an operation. */
__u64 off_cpu SEC(".data.sleeps");

static __always_inline __u64 *here_in_operation(void)
{
	__u32 only = 0;

	return bpf_map_lookup_elem(&in_operation, &only);
}

static __always_inline struct sleeps *sleeps_of(struct thread *thread)
{
	return &((struct sleeper *)thread)->sleeps;
}

static __always_inline __u32 *sleeps_before(struct sleeps *sleeps, __u64 place)
{
	barrier_var(place);
	return sleeps->before[place & PLACES];
}

static __always_inline void mark_in_operation(void)
{
	__u64 *here = here_in_operation();

	if (here)
		*here = true;
}

/* An operation begins, and no other one is pending: what was slept before is forgotten. Mostly there is nothing. */
static __always_inline void begin_sleeps(struct task_struct *task, struct thread *thread, bool opening)
{
	struct sleeps *sleeps;

	if (!config.sleeps)
		return;
	sleeps = sleeps_of(thread);
	/* Only if the kernel has skipped a program. */
	if (sleeps->off_ns)
		__sync_fetch_and_add(&off_cpu, -1);
	sleeps->off_ns = 0;
	sleeps->last_ns = 0;
	sleeps->run_delay = task->sched_info.run_delay;
	sleeps->lock = 0;
	sleeps->reclaim_ns = 0;
	sleeps->slept = task->nvcsw;
	sleeps->throttled = false;
	sleeps->opening = opening;
	if (sleeps->touched) {
		__builtin_memset(sleeps->ns, 0, sizeof(sleeps->ns));
		__builtin_memset(sleeps->before, 0, sizeof(sleeps->before));
		sleeps->touched = false;
	}
	mark_in_operation();
}

static __always_inline void add_sleep(struct sleeps *sleeps, __u32 cause, __u64 ns)
{
	sleeps->ns[cause] += ns;
	sleeps->touched = true;
}

/*
 * While a task slept, it became ready to run at some time. The kernel counts how long it was ready only after the
 * program at the switch, and by another clock.
 */
static __always_inline void settle_sleep(struct sleeps *sleeps, struct task_struct *task)
{
	__u64 waited = task->sched_info.run_delay - sleeps->run_delay;
	__u32 cause = sleeps->cause;

	sleeps->run_delay += waited;
	if (waited > sleeps->last_ns)
		waited = sleeps->last_ns;
	sleeps->last_ns = 0;
	if (!waited || cause >= CAUSE_COUNT)
		return;
	sleeps->ns[cause] -= waited;
	sleeps->ns[CAUSE_RUNQUEUE] += waited;
}

/* An operation begins within another one, and has this place. */
static __always_inline void note_sleeps(struct task_struct *task, struct thread *thread, __u64 place)
{
	struct sleeps *sleeps;
	__u32 *before;

	if (!config.sleeps)
		return;
	mark_in_operation();
	sleeps = sleeps_of(thread);
	sleeps->touched = true;
	settle_sleep(sleeps, task);
	before = sleeps_before(sleeps, place);
#pragma unroll
	for (int cause = 0; cause < CAUSE_COUNT; cause++)
		before[cause] = sleeps->ns[cause] / 256;
}

/* Of a thread without a record, the sleeps are not followed: most files are on no overlayfs. */
static __always_inline void begin_opening(struct task_struct *task)
{
	struct thread *thread = config.sleeps ? thread_of(task, false) : NULL;

	if (!thread)
		return;
	begin_sleeps(task, thread, true);
}

/* The place of what was noted at the beginning. */
static __always_inline __u64 end_opening(struct task_struct *task)
{
	struct thread *thread = config.sleeps ? thread_of(task, false) : NULL;

	if (!thread || !sleeps_of(thread)->opening)
		return NO_PLACE;
	sleeps_of(thread)->opening = false;
	return PLACES;
}

/* The sleeps of a task that is in an operation. */
static __always_inline struct sleeps *followed_sleeps(struct task_struct *task)
{
	struct sleeper *sleeper;

	if (!task->bpf_storage)
		return NULL;
	sleeper = bpf_task_storage_get(&sleepers, task, 0, 0);
	return sleeper && (sleeper->thread.kinds || sleeper->sleeps.opening) ? &sleeper->sleeps : NULL;
}

/* Sleeps that are longer are told by where the task slept, which takes some µs. */
#define LONG_SLEEP_NS 250000
#define FRAMES        3

static const char symbol_format[] = "%ps";

/* The first characters of a text in a word, up to eight, and the bits that they have. */
#define CHARACTER(text, at) ((at) < sizeof(text) - 1 ? (__u64)(text)[(at) < sizeof(text) ? (at) : 0] << 8 * (at) : 0)
#define CHARACTERS(text)                                                                                          \
	(CHARACTER(text, 0) | CHARACTER(text, 1) | CHARACTER(text, 2) | CHARACTER(text, 3) | CHARACTER(text, 4) | \
	 CHARACTER(text, 5) | CHARACTER(text, 6) | CHARACTER(text, 7))
#define BITS_OF(text)           (~0ULL >> (sizeof(text) > 8 ? 0 : 8 * (9 - sizeof(text))))
#define BEGINS_WITH(word, text) (((word)&BITS_OF(text)) == CHARACTERS(text))

/* By the first eight characters of a function's name. */
static __always_inline enum cause cause_by_symbol(__u64 name)
{
	/* ext4's journal: also wait_transaction_locked() and start_this_handle(); the logs of XFS and btrfs */
	if (BEGINS_WITH(name, "jbd2_") || BEGINS_WITH(name, "wait_tra") || BEGINS_WITH(name, "start_th") ||
	    BEGINS_WITH(name, "xlog_") || BEGINS_WITH(name, "xfs_log_") || BEGINS_WITH(name, "wait_log"))
		return CAUSE_COMMIT;
	/* request_wait_answer() of FUSE, rpc_wait_bit_killable() of NFS, p9_client_rpc() of 9P */
	if (BEGINS_WITH(name, "request_") || BEGINS_WITH(name, "rpc_wait") || BEGINS_WITH(name, "p9_clien"))
		return CAUSE_REMOTE;
	/* d_alloc_parallel(): two look up the same name */
	if (BEGINS_WITH(name, "d_alloc_"))
		return CAUSE_LOCK;
	/* do_swap_page() */
	if (BEGINS_WITH(name, "do_swap_"))
		return CAUSE_MEMORY;
	return CAUSE_OTHER;
}

/* By the innermost functions that the task is in, without those of the scheduler. */
static __noinline __u32 cause_by_stack(struct task_struct *task)
{
	__u64 frames[FRAMES] = {};
	__u64 name[2] = {};

	if (!bpf_core_enum_value_exists(enum bpf_func_id, BPF_FUNC_snprintf))
		return CAUSE_OTHER;
	if (bpf_get_task_stack(task, frames, sizeof(frames), 0) < 0)
		return CAUSE_OTHER;
#pragma unroll
	for (int frame = 0; frame < FRAMES; frame++) {
		enum cause cause;

		if (!frames[frame] ||
		    bpf_snprintf((char *)name, sizeof(name), symbol_format, &frames[frame], sizeof(__u64)) < 0)
			return CAUSE_OTHER;
		cause = cause_by_symbol(name[0]);
		if (cause != CAUSE_OTHER)
			return cause;
	}
	return CAUSE_OTHER;
}

/* Whether memory of the process is in swap: some pages of each CPU may be counted later. */
static __always_inline bool has_swapped(struct task_struct *task)
{
	struct mm_struct___before_6_2 *before = (void *)task->mm;
	struct mm_struct___since_6_2 *since = (void *)before;

	if (!before)
		return false;
	if (is_known(before->rss_stat.count[MM_SWAPENTS].counter))
		return BPF_CORE_READ(before, rss_stat.count[MM_SWAPENTS].counter) > 0;
	return is_known(since->rss_stat[MM_SWAPENTS].count) && BPF_CORE_READ(since, rss_stat[MM_SWAPENTS].count) > 0;
}

/* What a long sleep was for beyond what the scheduler knew of it. */
static __always_inline __u32 cause_of_long_sleep(struct task_struct *task, __u32 cause)
{
	if (cause == CAUSE_OTHER)
		return cause_by_stack(task);
	/* The device may be that of the swap. */
	if (cause == CAUSE_DEVICE && has_swapped(task) && cause_by_stack(task) == CAUSE_MEMORY)
		return CAUSE_MEMORY;
	return cause;
}

/* CAUSE_OTHER: it is told by the stack, if at all. */
static __always_inline enum cause cause_of_sleep(const struct sleeps *sleeps, struct task_struct *task)
{
	/* A page that is read again soon after it was reclaimed sets both bits. */
	if (sleeps->reclaim_ns ||
	    (bpf_core_field_exists(task->in_memstall) && BPF_CORE_READ_BITFIELD(task, in_memstall)))
		return CAUSE_MEMORY;
	if (sleeps->throttled)
		return CAUSE_DIRTY_THROTTLE;
	if (sleeps->lock)
		return CAUSE_LOCK;
	return BPF_CORE_READ_BITFIELD(task, in_iowait) ? CAUSE_DEVICE : CAUSE_OTHER;
}

static __always_inline void leave_cpu(struct sleeps *sleeps, struct task_struct *task)
{
	__u64 now_ns = bpf_ktime_get_ns();
	/* The task's state would race with who wakes it. */
	bool sleeping = (__u32)task->nvcsw != sleeps->slept;

	settle_sleep(sleeps, task);
	if (sleeps->reclaim_ns)
		add_sleep(sleeps, CAUSE_MEMORY, now_ns - sleeps->reclaim_ns);
	sleeps->slept = task->nvcsw;
	sleeps->cause = sleeping ? cause_of_sleep(sleeps, task) : CAUSE_RUNQUEUE;
	if (!sleeps->off_ns)
		__sync_fetch_and_add(&off_cpu, 1);
	sleeps->off_ns = now_ns;
}

static __always_inline void enter_cpu(struct sleeps *sleeps, struct task_struct *task)
{
	__u64 now_ns = bpf_ktime_get_ns(), ns = now_ns - sleeps->off_ns;
	__u32 cause = sleeps->cause;

	__sync_fetch_and_add(&off_cpu, -1);
	sleeps->off_ns = 0;
	sleeps->throttled = false;
	if (sleeps->reclaim_ns)
		sleeps->reclaim_ns = now_ns;
	if (ns >= LONG_SLEEP_NS)
		sleeps->cause = cause = cause_of_long_sleep(task, cause);
	if (cause >= CAUSE_COUNT)
		return;
	add_sleep(sleeps, cause, ns);
	sleeps->last_ns = cause == CAUSE_RUNQUEUE ? 0 : ns;
}

SEC("?tp_btf/sched_switch")
int BPF_PROG(sleeps_switch, bool preempt, struct task_struct *prev, struct task_struct *next)
{
	__u64 *here = here_in_operation();
	struct sleeps *sleeps;

	if (!here)
		return 0;
	if (*here) {
		sleeps = followed_sleeps(prev);
		if (sleeps)
			leave_cpu(sleeps, prev);
		*here = false;
	}
	if (!off_cpu)
		return 0;
	sleeps = followed_sleeps(next);
	if (sleeps && sleeps->off_ns) {
		enter_cpu(sleeps, next);
		*here = true;
	}
	return 0;
}

/* The sleeps of the current task, if it is in an operation. */
static __always_inline struct sleeps *current_sleeps(void)
{
	__u64 *here = here_in_operation();

	return here && *here ? followed_sleeps(bpf_get_current_task_btf()) : NULL;
}

/* Spinlocks, also of interrupts, come and go while a task waits for a lock that lets it sleep. */
SEC("?raw_tp/contention_begin")
int sleeps_lock_begin(__u64 *args)
{
	struct sleeps *sleeps;

	if ((__u32)args[1] & LCB_F_SPIN)
		return 0;
	sleeps = current_sleeps();
	if (sleeps && !sleeps->lock)
		sleeps->lock = args[0];
	return 0;
}

SEC("?raw_tp/contention_end")
int sleeps_lock_end(__u64 *args)
{
	struct sleeps *sleeps = current_sleeps();

	if (sleeps && sleeps->lock == args[0])
		sleeps->lock = 0;
	return 0;
}

/* It is told before each pause, and also where there is none. */
static __always_inline void begin_pause(__s64 jiffies)
{
	struct sleeps *sleeps;

	if (jiffies <= 0)
		return;
	sleeps = current_sleeps();
	if (sleeps)
		sleeps->throttled = true;
}

SEC("?raw_tp/balance_dirty_pages")
int sleeps_throttle(__u64 *args)
{
	begin_pause(args[10]);
	return 0;
}

/* Since 6.18 the tracepoint has 8 arguments instead of 12: the kernel attaches only the program that reads no more. */
SEC("?raw_tp/balance_dirty_pages")
int sleeps_throttle_since_6_18(__u64 *args)
{
	begin_pause(args[6]);
	return 0;
}

static __always_inline void begin_reclaim(void)
{
	struct sleeps *sleeps = current_sleeps();

	if (sleeps && !sleeps->reclaim_ns)
		sleeps->reclaim_ns = bpf_ktime_get_ns();
}

static __always_inline void end_reclaim(void)
{
	struct sleeps *sleeps = current_sleeps();

	if (!sleeps || !sleeps->reclaim_ns)
		return;
	add_sleep(sleeps, CAUSE_MEMORY, bpf_ktime_get_ns() - sleeps->reclaim_ns);
	sleeps->reclaim_ns = 0;
}

#define RECLAIM_PROGRAM(name, tracepoint, work) \
	SEC("?raw_tp/" #tracepoint)             \
	int name(void *ctx)                     \
	{                                       \
		work();                         \
		return 0;                       \
	}

RECLAIM_PROGRAM(sleeps_direct_begin, mm_vmscan_direct_reclaim_begin, begin_reclaim)
RECLAIM_PROGRAM(sleeps_direct_end, mm_vmscan_direct_reclaim_end, end_reclaim)
RECLAIM_PROGRAM(sleeps_memcg_begin, mm_vmscan_memcg_reclaim_begin, begin_reclaim)
RECLAIM_PROGRAM(sleeps_memcg_end, mm_vmscan_memcg_reclaim_end, end_reclaim)

#endif
