/* SPDX-License-Identifier: GPL-3.0-only */
/* What begins and ends, whichever way to attach sees it: the thread's record is kept, and the cells are counted. */
#ifndef FLOATIE_OPERATIONS_H
#define FLOATIE_OPERATIONS_H

/* Whether the configuration selects this thread. The verifier removes the checks of settings that are 0. */
static __always_inline bool is_chosen(struct task_struct *task)
{
	if (config.only_tgid) {
		struct bpf_pidns_info here;

		if (bpf_get_ns_current_pid_tgid(config.only_tgid_dev, config.only_tgid_ino, &here, sizeof(here)) ||
		    here.tgid != config.only_tgid)
			return false;
	}
	if (config.pid_ns_inum && !in_pid_namespace(task, config.pid_ns_inum))
		return false;
	return !config.cgroup_id || in_cgroup(task, config.cgroup_id, config.cgroup_v1);
}

/* By plain loads, which take less time than the call of a helper. */
static __always_inline __u64 cgroup_id_of(struct task_struct *task)
{
	if (!config.task_storage)
		return config.cgroup_v1 ? memory_cgroup_id(task) : bpf_get_current_cgroup_id();
	if (config.cgroup_v1)
		return task->cgroups->subsys[bpf_core_enum_value(enum cgroup_subsys_id, memory_cgrp_id)]
		        ->cgroup->kn->id;
	return task->cgroups->dfl_cgrp->kn->id;
}

/* An operation begins that is not timed: removes a stale start, so that its exit finds none. */
static __always_inline void enter_elsewhere(struct task_struct *task, enum op op, bool outer)
{
	struct thread *thread = thread_of(task, false);
	__u64 place;

	if (!thread)
		return;
	place = place_of(thread->kinds, kind_of(op, outer));
	if (place < PLACES) {
		free_place(thread, place);
		count_miss(MISS_STALE);
	}
}

/*
 * An operation begins. id is unique among the thread's pending operations, and the exit has the same id.
 */
static __always_inline void enter(struct task_struct *task, enum op op, __u64 id, __s64 pos, bool outer)
{
	struct thread *thread;
	struct start *start;
	bool is_first;
	__u64 place;

	if (!is_chosen(task)) {
		/* The only selection that can change within an operation is the task's cgroup. */
		if (config.cgroup_id)
			enter_elsewhere(task, op, outer);
		return;
	}
	thread = thread_of(task, true);
	if (!thread)
		return;
	is_first = !thread->kinds;
	place = take_place(thread, kind_of(op, outer));
	if (is_first)
		begin_sleeps(task, thread, false);
	else
		note_sleeps(task, thread, place);
	start = start_at(thread, place);
	start->id = id;
	start->pos = pos;
	start->cgroup_id = cgroup_id_of(task);
	start->before = counts_of(task);
	start->ns = bpf_ktime_get_ns();
}

/* The counter of an operation that is in no bucket; error is 0 for one that moved no byte. */
static __always_inline enum cell cell_of_failure(enum op op, int error)
{
#define ERROR_CASE(error) \
	case error:       \
		return CELL_##error;

	switch (error) {
	case 0:
		return CELL_ZEROS;
	case EIOCBQUEUED:
		return CELL_ASYNC;
	case ERESTARTSYS:
		return CELL_EINTR;
	case ENOENT:
	case EEXIST:
	case ENOTDIR:
		return asks(op) ? CELL_ZEROS : CELL_OTHER_ERROR;
		ERRORS(ERROR_CASE)
	default:
		return CELL_OTHER_ERROR;
	}
}

static __always_inline void count(enum op op, struct thread *thread, __u64 cgroup_id, __u64 ns, __s64 ret,
                                  const struct parts *parts)
{
	__u32 first = cells_of(slot_of(cgroup_id, &thread->slot), op, ns);
	__s64 bytes = returned_by(op) == BYTES || returned_by(op) == COPIED ? ret : 0;

	if (ret < 0 || (returned_by(op) == BYTES && !ret)) {
		add(first + cell_of_failure(op, -ret), 1);
		return;
	}
	add(first + CELL_SUM_NS, ns);
	add(first + CELL_BUCKETS + bucket_of(ns), 1);
	if (bytes)
		add(first + CELL_BYTES, bytes);
	add_parts(first, parts);
}

/* An operation has ended. ret is its return value: bytes, 0 or a negative errno. */
static __always_inline void count_ended(struct task_struct *task, enum op op, struct thread *thread,
                                        const struct start *start, __u64 place, __s64 ret)
{
	__u64 now_ns = bpf_ktime_get_ns();
	struct parts parts;

	if (now_ns < start->ns) {
		count_miss(MISS_CLOCK);
		return;
	}
	tell_apart(&parts, task, thread, place, &start->before, now_ns - start->ns);
	count(op, thread, start->cgroup_id, now_ns - start->ns, ret, &parts);
	look_at(op, thread, start, now_ns - start->ns, ret, &parts);
}

/* An operation has ended and left its place. */
static __always_inline void finish(struct task_struct *task, enum op op, struct thread *thread,
                                   const struct start *start, __u64 place, __s64 ret)
{
	count_ended(task, op, thread, start, place, ret);
	forget_thread(thread);
}

/* One for the dozens of programs on functions, each of which would be as large with it. */
static __noinline void finish_function(enum op op, struct thread *thread, const struct start *start, __u64 place,
                                       __s64 ret)
{
	finish(current_task(), op, thread, start, place, ret);
}

/* The other end of a transfer may have failed, or may not be ready. */
static __always_inline __s64 without_other_end(enum op op, __s64 ret)
{
	return op == OP_SPLICE && (ret == -EAGAIN || ret == -EPIPE || ret == -ECONNRESET) ? 0 : ret;
}

/* For exits of all system calls, of which most are not on overlayfs: an exit without a start is no miss. */
static __always_inline void leave(struct task_struct *task, enum op op, __u64 id, __s64 ret)
{
	struct thread *thread = thread_of(task, false);
	struct start *start;
	__u64 place;

	if (!thread)
		return;
	place = place_of(thread->kinds, kind_of(op, false));
	if (place >= PLACES)
		return;
	start = start_at(thread, place);
	free_place(thread, place);
	if (start->id == id) {
		finish(task, op, thread, start, place, ret);
		return;
	}
	count_miss(MISS_STALE);
	forget_thread(thread);
}

#endif
