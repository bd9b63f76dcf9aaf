/** Nodes of kernfs filesystems, such as cgroup and cgroup2, opened by their inode numbers. */
import { errnoName, LibbpfError } from '../errors.ts';
import { call } from '../functions.ts';

/** `FILEID_KERNFS` of include/linux/exportfs.h: the handle is the 64-bit id, which is also the inode number. */
const FILEID_KERNFS = 0xfe;
/** `O_PATH | O_CLOEXEC`: only the path of the node is needed. */
const FLAGS = 0o12000000;

/**
 * Opens the node with this id; null when the node never existed or is removed. The caller closes the descriptor. Needs
 * Linux 5.5.
 *
 * @param mountFd any open file of the filesystem
 * @throws {@link LibbpfError} `EPERM` without CAP_DAC_READ_SEARCH
 */
export function openKernfsNode(mountFd: number, id: bigint): number | null {
  // struct file_handle: handle_bytes, handle_type, f_handle
  const handle = Buffer.alloc(16);
  handle.writeUInt32LE(8, 0);
  handle.writeInt32LE(FILEID_KERNFS, 4);
  handle.writeBigUInt64LE(id, 8);
  const { value: fd, errno } = call('open_by_handle_at', mountFd, handle, FLAGS);
  if (fd >= 0) return fd;
  const code = errnoName(errno);
  if (code === 'ESTALE') return null;
  throw new LibbpfError(
    code,
    `Cannot open a cgroup by its id: ${code}${code === 'EPERM' ? ' (needs CAP_DAC_READ_SEARCH)' : ''}`,
  );
}
