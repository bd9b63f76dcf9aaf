/*
 * What lets the static libraries of libbpf, libelf and zlib become one shared one, which runs on every glibc that Node
 * runs on. Debian compiles them for programs: they find their own data by its place, which in a library works for all
 * but what is here.
 */
#include <sys/syscall.h>
#include <unistd.h>

struct stat;
struct _IO_FILE;

/* glibc's has a place of its own. libbpf prints to it only before libbpf_set_print(NULL), which Floatie calls first. */
struct _IO_FILE *stderr;

/* glibc's is from 2.33. On 64-bit machines it is what the kernel's is. */
int fstat(int fd, struct stat *stat)
{
	return syscall(SYS_fstat, fd, stat);
}

/* libelf's own keep the last error of a thread in a place that only programs have. */
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
