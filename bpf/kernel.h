/* SPDX-License-Identifier: GPL-3.0-only */
/*
 * The few kernel types the programs read. Only the fields used are declared; preserve_access_index
 * lets libbpf fix every offset against the running kernel's BTF (CO-RE), so there is no vmlinux.h.
 */
#ifndef FLOATIE_KERNEL_H
#define FLOATIE_KERNEL_H

#include <asm-generic/errno.h>
#include <linux/bpf.h>
#include <stdbool.h>

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct super_block {
	unsigned long s_magic;
	int s_stack_depth;
};

struct hlist_node {
	struct hlist_node *next;
};

struct hlist_head {
	struct hlist_node *first;
};

struct hlist_bl_node {
	struct hlist_bl_node **pprev;
};

struct inode {
	struct hlist_head i_dentry;
	unsigned short i_mode;
	struct super_block *i_sb;
	long long i_size;
	unsigned long dirtied_when; /* jiffies, when it last became dirty */
};

struct list_head {
	struct list_head *next;
};

struct vfsmount {
	struct super_block *mnt_sb;
};

struct qstr {
	const unsigned char *name;
};

struct dentry {
	struct hlist_bl_node d_hash;
	struct dentry *d_parent;
	struct qstr d_name;
	struct inode *d_inode;
	struct super_block *d_sb;
	struct hlist_node d_alias; /* of i_dentry; on most kernels a member of the union */
};

struct dentry___with_union {
	union {
		struct hlist_node d_alias;
	} d_u;
};

struct path {
	struct vfsmount *mnt;
	struct dentry *dentry;
};

/* Since 5.12, and since 6.2: operations on inodes get the mount's mapping of ids before their other arguments. */
struct vfsmount___since_5_12 {
	struct user_namespace *mnt_userns;
};

struct vfsmount___since_6_2 {
	struct mnt_idmap *mnt_idmap;
};

struct file {
	struct path f_path;
	struct inode *f_inode;
	unsigned int f_flags;
	long long f_pos;
	void *private_data;
};

/* Used only because its first member is a pointer. */
struct llist_head {
	struct llist_node *first;
};

struct fdtable {
	unsigned int max_fds;
	struct file **fd;
};

struct kiocb {
	struct file *ki_filp;
	long long ki_pos;
	int ki_flags;
};

struct iov_iter;

struct mount {
	struct dentry *mnt_mountpoint;
	struct vfsmount mnt;
	struct list_head mnt_mounts; /* its children */
	struct list_head mnt_child;  /* of its parent's */
};

struct files_struct {
	struct fdtable *fdt;
};

struct fs_struct {
	struct path pwd;
};

struct kernfs_node {
	__u64 id;
	const char *name;
};

/* Only its address is used. */
struct cgroup_root;

struct cgroup_subsys_state {
	struct cgroup *cgroup;
	struct cgroup_subsys_state *parent;
};

struct cgroup {
	struct cgroup_subsys_state self;
	struct kernfs_node *kn;
	struct cgroup_root *root;
};

/* CO-RE resolves the enumerator's value, which depends on the kernel's configuration. */
enum cgroup_subsys_id {
	memory_cgrp_id = 4,
};

struct css_set {
	struct cgroup_subsys_state *subsys[16];
	struct cgroup *dfl_cgrp;
};

struct ns_common {
	unsigned int inum;
};

struct pid_namespace {
	struct ns_common ns;
};

struct upid {
	int nr;
	struct pid_namespace *ns;
};

struct pid {
	unsigned int level;
	struct upid numbers[1];
};

struct thread_info {
	unsigned long flags;
	__u32 status; /* x86 only */
};

typedef struct {
	unsigned int val;
} kuid_t;

struct cred {
	kuid_t uid;
};

typedef struct {
	__s64 counter;
} atomic64_t;

typedef atomic64_t atomic_long_t;

struct page_counter {
	atomic_long_t usage;
	unsigned long max;
};

struct mem_cgroup {
	struct cgroup_subsys_state css;
	struct page_counter memory;
	struct page_counter memsw; /* v1: memory and swap together */
	bool oom_group;
};

/* Its values have been the same since 4.19. */
enum oom_constraint {
	CONSTRAINT_NONE,
	CONSTRAINT_CPUSET,
	CONSTRAINT_MEMORY_POLICY,
	CONSTRAINT_MEMCG,
};

struct oom_control {
	struct mem_cgroup *memcg;
	unsigned int gfp_mask;
	int order;
	unsigned long totalpages;
	struct task_struct *chosen;
	enum oom_constraint constraint;
};

struct percpu_counter {
	__s64 count;
};

struct mm_rss_stat {
	atomic_long_t count[4];
};

typedef struct {
	int counter;
} atomic_t;

struct mm_struct {
	atomic_t mm_users;
	unsigned long total_vm; /* pages */
	atomic_long_t pgtables_bytes;
};

/*
 * rss_stat has two shapes. CO-RE tells arrays from structures but does not compare the names of structures, so the
 * members of an element have to tell which one it is.
 */
struct mm_struct___before_6_2 {
	struct mm_rss_stat rss_stat;
};

struct mm_struct___since_6_2 {
	struct percpu_counter rss_stat[4];
};

/* Whether the kernel has this counter of rss_stat, as a number of 64 bits. */
#define is_known(counter) (bpf_core_field_exists(counter) && bpf_core_field_size(counter) == sizeof(__s64))

/* include/linux/mm_types_task.h */
enum { MM_FILEPAGES, MM_ANONPAGES, MM_SWAPENTS, MM_SHMEMPAGES };

struct signal_struct {
	atomic_t live;       /* threads */
	int group_exit_code; /* the signal that ends the process, or its status << 8 */
	short oom_score_adj;
	struct mm_struct *oom_mm; /* since the OOM killer marked the process */
	struct list_head thread_head;
};

struct kernel_siginfo {
	int si_code;
};

struct task_io_accounting {
	__u64 read_bytes;
	__u64 write_bytes;
};

struct sched_info {
	unsigned long long run_delay; /* ns that it was ready to run and did not */
};

struct task_struct {
	struct thread_info thread_info;
	unsigned int flags;
	int pid;
	int tgid;
	int pdeath_signal; /* sent when its parent ends */
	__u64 start_time;
	char comm[16];
	const struct cred *real_cred;
	struct task_struct *group_leader;
	struct list_head thread_node; /* of signal->thread_head */
	struct signal_struct *signal;
	struct mm_struct *mm;
	struct fs_struct *fs;
	struct files_struct *files;
	struct css_set *cgroups;
	struct pid *thread_pid;
	struct sched_info sched_info;
	unsigned long nvcsw; /* how often it slept */
	unsigned int in_iowait : 1;
	unsigned int in_memstall : 1;          /* with CONFIG_PSI */
	struct bpf_local_storage *bpf_storage; /* since 5.11; NULL: no program has stored anything */
	struct task_io_accounting ioac;
};

/* mark_victim passes a pid or, since 6.9 and where that was backported, the task. With a task the event has a uid. */
struct trace_event_raw_mark_victim {
	unsigned int uid;
};

#if defined(__TARGET_ARCH_x86)
struct pt_regs {
	unsigned long r10;
	unsigned long bx;
	unsigned long r8;
	unsigned long ax;
	unsigned long cx;
	unsigned long dx;
	unsigned long si;
	unsigned long di;
	unsigned long orig_ax;
};
#elif defined(__TARGET_ARCH_arm64)
struct pt_regs {
	__u64 regs[31];
	__u64 orig_x0;
	__s32 syscallno;
};
#else
#error "name the architecture: -D__TARGET_ARCH_x86 or -D__TARGET_ARCH_arm64"
#endif

#pragma clang attribute pop

/* Events of classic tracepoints, without the common fields in front. */
struct syscall_enter_event {
	__u64 common;
	long id;
	unsigned long args[6];
};

struct syscall_exit_event {
	__u64 common;
	long id;
	long ret;
};

/* include/linux/fs.h, since 5.10; before, this bit was IOCB_DSYNC. */
#define IOCB_APPEND (1 << 4)

/* include/uapi/asm-generic/fcntl.h */
#define O_ACCMODE  00000003
#define O_WRONLY   00000001
#define O_APPEND   02000
#define O_NONBLOCK 04000
#define O_PATH     010000000

/* include/uapi/linux/fcntl.h */
#define AT_FDCWD            (-100)
#define AT_SYMLINK_NOFOLLOW 0x100
#define AT_EMPTY_PATH       0x1000

/* include/linux/errno.h: asynchronous I/O is submitted */
#define EIOCBQUEUED 529

/* include/linux/errno.h: a signal came; the caller gets EINTR, or the call is repeated */
#define ERESTARTSYS 512

/* include/trace/events/lock.h: it waits without sleeping */
#define LCB_F_SPIN (1 << 0)

/* include/linux/err.h */
#define MAX_ERRNO 4095

/* include/linux/sched.h */
#define PF_EXITING 0x4

/* include/uapi/linux/magic.h */
#define OVERLAYFS_SUPER_MAGIC 0x794c7630

/* include/uapi/linux/stat.h */
#define S_IFMT  0170000
#define S_IFDIR 0040000
#define S_IFREG 0100000

#endif
