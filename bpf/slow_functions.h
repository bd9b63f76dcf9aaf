/* SPDX-License-Identifier: GPL-3.0-only */
/* On which file a slow function worked. */
#ifndef FLOATIE_SLOW_FUNCTIONS_H
#define FLOATIE_SLOW_FUNCTIONS_H

/* What the address is that a start keeps besides its id, by its lowest bits, which are 0 in an address. */
enum kept { KEPT_FILE, KEPT_DENTRY, KEPT_PATH, KEPT_ENTRY, KEPT_BITS = 7 };

/* The only name of a directory; one of those of a file. */
static __always_inline __u64 dentry_of_inode(struct inode *inode)
{
	void *alias = BPF_CORE_READ(inode, i_dentry.first);

	if (!alias)
		return 0;
	if (bpf_core_field_exists(((struct dentry___with_union *)0)->d_u))
		return (__u64)alias - bpf_core_field_offset(struct dentry___with_union, d_u);
	return (__u64)alias - bpf_core_field_offset(struct dentry, d_alias);
}

/* An operation that is given a directory keeps its second argument: the entry, or a file without a name. */
static __always_inline __u64 entry_of(__u64 directory, __u64 entry)
{
	if ((__u64)BPF_CORE_READ((struct dentry *)entry, d_parent, d_inode) == directory)
		return entry;
	return dentry_of_inode((void *)directory);
}

/* A function of its own, which the verifier follows only once, as are those in slow_syscalls.h. */
__noinline __u64 dentry_on_functions(__u32 op, __u64 id, __u64 pos)
{
	__u64 kept = pos & ~(__u64)KEPT_BITS;

	if (!slow.threshold_ns || !config.untyped_loads)
		return 0;
	if (op >= OP_COPY_UP_OPEN)
		return id & ~(__u64)KEPT_BITS;
	if (op == OP_READ || op == OP_WRITE)
		return (__u64)BPF_CORE_READ((struct kiocb *)id, ki_filp, f_path.dentry);
	if (!kept)
		return 0;
	switch (pos & KEPT_BITS) {
	case KEPT_FILE:
		return dentry_of(kept);
	case KEPT_DENTRY:
		return kept;
	case KEPT_PATH:
		return (__u64)BPF_CORE_READ((struct path *)kept, dentry);
	case KEPT_ENTRY:
		return entry_of(id, kept);
	}
	return 0;
}

#endif
