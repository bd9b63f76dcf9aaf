/* SPDX-License-Identifier: GPL-3.0-only */
/* Where the time of an operation went: by its sleeps, or by what the kernel counts of the task anyway. */
#ifndef FLOATIE_CAUSES_H
#define FLOATIE_CAUSES_H

/* An operation's time by cause, which adds up to its duration. */
struct parts {
	__u64 ns[CAUSE_COUNT];
	__u64 fetched; /* bytes that the task read from a device, with what it read ahead */
	bool slept;
};

/* Of task, by plain loads where it is a trusted pointer. The kernel may be configured without one of them. */
#define COUNTS_OF(task, LOAD_OF)                                                                                       \
	((struct task_counts){                                                                                         \
		.run_delay =                                                                                           \
			bpf_core_field_exists((task)->sched_info.run_delay) ? LOAD_OF(task, sched_info.run_delay) : 0, \
		.slept = LOAD_OF(task, nvcsw),                                                                         \
		.fetched = bpf_core_field_exists((task)->ioac.read_bytes) ? LOAD_OF(task, ioac.read_bytes) / 512 : 0,  \
	})
#define PLAIN(task, field) ((task)->field)

static __always_inline struct task_counts counts_of(struct task_struct *task)
{
	if (config.task_storage)
		return COUNTS_OF(task, PLAIN);
	return COUNTS_OF(task, BPF_CORE_READ);
}

/* What is known without following the sleeps: whether there was any. */
static __always_inline void tell_by_counts(struct parts *parts, __u64 waited, __u64 ns)
{
	/* The kernel measures it by another clock. */
	if (waited > ns)
		waited = ns;
	parts->ns[CAUSE_RUNQUEUE] = waited;
	parts->ns[parts->slept ? CAUSE_OTHER : CAUSE_CPU] = ns - waited;
}

/* The time by cause since the operation with this place began. Whatever it did not sleep it ran. */
static __always_inline void tell_by_sleeps(struct parts *parts, struct task_struct *task, struct sleeps *sleeps,
                                           __u64 place, __u64 ns)
{
	const __u32 *before = sleeps_before(sleeps, place);

	parts->ns[CAUSE_CPU] = ns;
	if (!sleeps->touched)
		return;
	settle_sleep(sleeps, task);
#pragma unroll
	for (int cause = CAUSE_CPU + 1; cause < CAUSE_COUNT; cause++) {
		__u64 part = (__u64)((__u32)(sleeps->ns[cause] / 256) - before[cause]) * 256;

		parts->ns[cause] = part < ns ? part : ns;
		ns -= parts->ns[cause];
	}
	parts->ns[CAUSE_CPU] = ns;
}

/* The parts of an operation that ends after ns, in which these counts and those noted at its place began. */
static __always_inline void tell_apart(struct parts *parts, struct task_struct *task, struct thread *thread,
                                       __u64 place, const struct task_counts *before, __u64 ns)
{
	struct task_counts now = counts_of(task);

	__builtin_memset(parts, 0, sizeof(*parts));
	parts->slept = now.slept != before->slept;
	parts->fetched = (__u64)(now.fetched - before->fetched) * 512;
	if (config.sleeps && place != NO_PLACE)
		tell_by_sleeps(parts, task, sleeps_of(thread), place, ns);
	else
		tell_by_counts(parts, now.run_delay - before->run_delay, ns);
}

/* first is the first cell of the block of an operation. */
static __always_inline void add_parts(__u32 first, const struct parts *parts)
{
#pragma unroll
	for (int cause = 0; cause < CAUSE_COUNT; cause++)
		if (parts->ns[cause])
			add(first + CELL_CAUSES + cause, parts->ns[cause]);
	if (parts->fetched)
		add(first + CELL_FETCHED, parts->fetched);
	if (parts->ns[CAUSE_DEVICE] || (parts->fetched && parts->slept))
		add(first + CELL_DEVICE, 1);
	else if (parts->fetched)
		add(first + CELL_READAHEAD, 1);
	else if (!parts->slept)
		add(first + CELL_CACHE, 1);
}

#endif
