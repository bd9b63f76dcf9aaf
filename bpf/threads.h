/* SPDX-License-Identifier: GPL-3.0-only */
/* The operations that each thread has begun on overlayfs and not ended, in task storage or in a hash. */
#ifndef FLOATIE_THREADS_H
#define FLOATIE_THREADS_H

const volatile struct overlayfs_config config SEC(".rodata.config");
struct overlayfs_counters counters SEC(".data.counters");

/* What the kernel has counted of a task when an operation begins. */
struct task_counts {
	__u64 run_delay;
	__u32 slept;   /* times, modulo 2^32 */
	__u32 fetched; /* units of 512 bytes, modulo 2^32 */
};

/* An operation between its entry and its exit. */
struct start {
	__u64 ns;
	__u64 id;  /* what the exit must show to be this operation's */
	__s64 pos; /* of a transfer on functions: where in the file it begins; of other operations on functions, see
	              there */
	__u64 cgroup_id; /* whose it is, wherever the task is when it ends */
	struct task_counts before;
};

/*
 * The limit of pending operations of a thread. The deepest that overlayfs nests them is four: a change of attributes,
 * the copy-up that it causes, and a splice from a lower overlay, which reads.
 */
#define PLACES 7

struct thread {
	struct start starts[PLACES];
	__u64 kinds;     /* a byte per place: the kind of the operation that is pending there; 0: none */
	__u32 slot;      /* where this thread's cgroup was last found; only a hint */
	__u32 counted;   /* it is one of counters.threads */
	__u64 copied_ns; /* when the last copy-up began */
	__s64 copied;    /* its bytes */
	__u64 unused[2];
};

_Static_assert(PLACES < sizeof(__u64), "the last byte of kinds belongs to no place");
_Static_assert(sizeof(struct thread) >= (PLACES + 1) * sizeof(struct start), "start_at() masks");
_Static_assert(!(PLACES & (PLACES + 1)), "start_at() masks");

/* The records of other processes' threads are charged to Floatie's memory cgroup. */
_Static_assert(sizeof(struct thread) <= MAX_THREAD_BYTES, "a thread's record is too large");

struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct thread);
} threads SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16384);
	__type(key, __u64); /* pid_tgid */
	__type(value, struct thread);
} threads_by_id SEC(".maps");

/* What a thread has slept for within operations. */
struct sleeps {
	__u64 ns[CAUSE_COUNT]; /* of CAUSE_CPU nothing */
	__u64 off_ns;          /* when it left the CPU; 0: it runs */
	__u64 last_ns;         /* the duration of the last sleep, in part of which it may have been ready to run */
	__u64 run_delay;       /* the task's, as far as it is told apart */
	__u64 lock;            /* the address of the lock that it waits for */
	__u64 reclaim_ns;      /* since when it reclaims memory without sleeping; 0: it does not */
	__u32 slept;           /* the task's times */
	__u8 cause;            /* of the last sleep */
	__u8 throttled;        /* its next sleep is since too many pages are dirty */
	__u8 opening;          /* a system call of it is opening a file */
	__u8 touched;          /* ns and before are not all 0 */
	/* ns / 256 when an operation began, modulo 2^32, by place; in place PLACES that of a call that opens a file. */
	__u32 before[PLACES + 1][CAUSE_COUNT];
};

struct sleeper {
	struct thread thread;
	struct sleeps sleeps;
};

/* In place of threads, with config.sleeps. */
struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct sleeper);
} sleepers SEC(".maps");

static __always_inline struct thread *stored(struct task_struct *task, __u64 flags)
{
	if (config.sleeps) {
		struct thread *thread = bpf_task_storage_get(&sleepers, task, 0, flags);

		/* Else clang would make one call that chooses the map, of which one was not created. */
		barrier();
		return thread;
	}
	return bpf_task_storage_get(&threads, task, 0, flags);
}

static __always_inline void delete_stored(struct task_struct *task)
{
	if (config.sleeps) {
		bpf_task_storage_delete(&sleepers, task);
		barrier();
	} else {
		bpf_task_storage_delete(&threads, task);
	}
}

/* Not on the stack, which has 512 bytes for a program and all that it calls. */
static const struct thread no_thread;

static __always_inline void count_miss(enum miss reason)
{
	__sync_fetch_and_add(&counters.misses[reason], 1);
}

/* The record of an exiting task does not count towards max_threads: nothing would decrement the counter. */
static __always_inline struct thread *create_stored(struct task_struct *task)
{
	struct thread *thread;

	if ((__s64)(counters.threads - counters.threads_unseen) >= config.max_threads) {
		count_miss(MISS_STARTS_FULL);
		return NULL;
	}
	thread = stored(task, BPF_LOCAL_STORAGE_GET_F_CREATE);
	if (!thread) {
		count_miss(MISS_STORAGE);
	} else if (!(task->flags & PF_EXITING)) {
		thread->counted = true;
		__sync_fetch_and_add(&counters.threads, 1);
	}
	return thread;
}

/*
 * The task that a program runs for; with config.task_storage a pointer that the verifier trusts. A program asks for it
 * once: where returns are guarded, as against SRSO, each call of a helper takes some 10 ns.
 */
static __always_inline struct task_struct *current_task(void)
{
	if (config.task_storage)
		return bpf_get_current_task_btf();
	return (void *)bpf_get_current_task();
}

/* The current task's record; a missing record is created only with create. */
static __always_inline struct thread *thread_of(struct task_struct *task, bool create)
{
	struct thread *thread;

	if (config.task_storage) {
		/* Most tasks have none. */
		thread = task->bpf_storage ? stored(task, 0) : NULL;
		return thread || !create ? thread : create_stored(task);
	}

	__u64 id = bpf_get_current_pid_tgid();

	thread = bpf_map_lookup_elem(&threads_by_id, &id);
	if (thread || !create)
		return thread;

	if (bpf_map_update_elem(&threads_by_id, &id, &no_thread, BPF_NOEXIST))
		count_miss(MISS_STARTS_FULL);
	return bpf_map_lookup_elem(&threads_by_id, &id);
}

static __always_inline struct thread *thread_record(bool create)
{
	return thread_of(current_task(), create);
}

/* Removes the record early. Task storage ends with its task, but the hash would keep ended threads. */
static __always_inline void forget_thread(struct thread *thread)
{
	if (config.task_storage || thread->kinds)
		return;

	__u64 id = bpf_get_current_pid_tgid();

	bpf_map_delete_elem(&threads_by_id, &id);
}

/*
 * A thread has at most one pending operation of each kind: an operation of an overlay, or of another overlay on top of
 * it (outer). The kernel allows no deeper stack of overlays than two.
 */
static __always_inline __u64 kind_of(enum op op, bool outer)
{
	return 1 + op * 2 + outer;
}

_Static_assert(2 * OP_COUNT < 256, "a kind is a byte");

#define EACH_BYTE 0x0101010101010101

/*
 * The first place with this kind, where kind 0 is a free place; PLACES or more without one. Without branches, of which
 * the verifier would follow both sides.
 */
static __always_inline __u64 place_of(__u64 kinds, __u64 kind)
{
	__u64 difference = kinds ^ kind * EACH_BYTE;
	/* The highest bit of the first byte that is 0, and maybe of later bytes; the last byte means none. */
	__u64 equal = ((difference - EACH_BYTE) & ~difference & EACH_BYTE << 7) | 1ULL << 63;
	__u64 first = (equal & -equal) >> 7;

	return first * 0x0001020304050607 >> 56;
}

/* The caller has compared place with PLACES; the mask repeats it for verifiers that lost track. */
static __always_inline struct start *start_at(struct thread *thread, __u64 place)
{
	barrier_var(place);
	return (void *)thread + (place & PLACES) * sizeof(struct start);
}

static __always_inline void free_place(struct thread *thread, __u64 place)
{
	thread->kinds &= ~(0xffULL << place * 8);
}

/* The place for an operation that begins. */
static __always_inline __u64 take_place(struct thread *thread, __u64 kind)
{
	__u64 place = place_of(thread->kinds, kind);

	if (place < PLACES) {
		count_miss(MISS_STALE);
		return place;
	}
	place = place_of(thread->kinds, 0);
	if (place >= PLACES) {
		/* No thread nests so deep, so exits of unknown operations were missed. */
		__sync_fetch_and_add(&counters.misses[MISS_STALE], PLACES);
		thread->kinds = place = 0;
	}
	thread->kinds |= kind << place * 8;
	return place;
}

#endif
