/*
 * Lets the static libraries of libbpf, libelf and zlib be linked into one shared object for every glibc that Node
 * supports. Debian compiles them for executables; in a shared object their way to address data fails for these symbols.
 */
#include <sys/syscall.h>
#include <unistd.h>

struct stat;
struct _IO_FILE;

/* A copy of glibc's. libbpf prints to it only before libbpf_set_print(NULL), which Floatie calls first. */
struct _IO_FILE *stderr;

/* glibc has fstat since 2.33. On 64-bit machines struct stat is the kernel's. */
int fstat(int fd, struct stat *stat)
{
	return syscall(SYS_fstat, fd, stat);
}

/* libelf's own versions keep a thread's last error in TLS that only executables can use. */
static __thread int last_error;

void __libelf_seterrno(int error)
{
	last_error = error;
}

int elf_errno(void)
{
	int error = last_error;
	last_error = 0;
	return error;
}

const char *elf_errmsg(int error)
{
	(void)error;
	return "libelf cannot read it";
}
