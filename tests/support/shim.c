/*
 * Stands between a program and the C library (LD_PRELOAD): numbers the calls by which files are looked into and
 * changed, writes each down, and makes one of them fail, or all from there on.
 *
 *   SHIM_LOG    file to which each call is written: number, name, path, and for a write its first bytes
 *   SHIM_BELOW  directories whose files count, with colons between them
 *   SHIM_AT     number of the call that meets the fault
 *   SHIM_FAULT  kill: killed before it; torn: killed after half of it; stop: stopped before it;
 *               a name of a signal: it gets that signal before it; or the number of an error that it returns
 *   SHIM_LASTS  the calls that go on to fail after it: none, space (those that need some), changes, or all
 *   SHIM_FIRST  if it says anything, the namespaces the program is in bear the numbers of the machine's first ones
 *
 * Nothing is waited for: what a process wrote outlives its end, and disks are not what is tried here.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* What a call is like: it looks, it needs room on the disk, or it changes something else. */
enum kind { LOOKS = 1, NEEDS_SPACE = 2, CHANGES = 4 };

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

static int calls;
static int lasting;

static const char *setting(const char *name) {
    const char *value = getenv(name);
    return value ? value : "";
}

static int counts(const char *path) {
    size_t length;
    for (const char *below = setting("SHIM_BELOW"); *below; below += length + (below[length] == ':')) {
        length = strcspn(below, ":");
        if (strncmp(path, below, length) == 0 && (path[length] == '/' || path[length] == 0)) return 1;
    }
    return 0;
}

static const char *path_of(int fd, char *path) {
    char link[32];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, PATH_MAX - 1);
    path[length < 0 ? 0 : length] = 0;
    return path;
}

static const char *path_at(int directory, const char *name, char *path) {
    if (*name == '/' || directory == AT_FDCWD) return name;
    path_of(directory, path);
    size_t length = strlen(path);
    snprintf(path + length, PATH_MAX - length, "/%s", name);
    return path;
}

static void note(const char *mark, const char *call, const char *path, const char *text, size_t size) {
    char line[PATH_MAX + 128];
    int length = snprintf(line, sizeof line - 32, "%s%d\t%s\t%s\t", mark, calls, call, path);
    for (size_t at = 0; at < size && at < 24; at++)
        line[length++] = text[at] < ' ' || text[at] > '~' ? '.' : text[at];
    line[length++] = '\n';
    int fd = (int)syscall(SYS_openat, AT_FDCWD, setting("SHIM_LOG"), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
    syscall(SYS_write, fd, line, length);
    syscall(SYS_close, fd);
}

static int lasts_for(enum kind kind) {
    const char *lasts = setting("SHIM_LASTS");
    if (strcmp(lasts, "space") == 0) return kind == NEEDS_SPACE;
    if (strcmp(lasts, "changes") == 0) return kind != LOOKS;
    return strcmp(lasts, "all") == 0;
}

/* Returns 1 if the call is to be done half, and then killed; -1 with an error if it is not to be done. */
static int meets(enum kind kind, const char *call, const char *path, const char *text, size_t size) {
    if (!counts(path)) return 0;
    calls++;
    int is_it = calls == atoi(setting("SHIM_AT"));
    /* The kernel's table lies on no disk. */
    int goes_on = lasting && lasts_for(kind) && strncmp(path, "/proc/", 6) != 0;
    note(is_it ? "!" : goes_on ? "~" : "", call, path, text, size);
    if (!is_it && !goes_on) return 0;
    const char *fault = setting("SHIM_FAULT");
    if (strcmp(fault, "kill") == 0) kill(getpid(), SIGKILL);
    if (strcmp(fault, "torn") == 0) return 1;
    if (strcmp(fault, "stop") == 0) return raise(SIGSTOP), 0;
    if (strcmp(fault, "INT") == 0) return raise(SIGINT), 0;
    if (strcmp(fault, "TERM") == 0) return raise(SIGTERM), 0;
    if (strcmp(fault, "HUP") == 0) return raise(SIGHUP), 0;
    lasting = 1;
    errno = atoi(fault);
    return -1;
}

/* `result` of a call that is whole, or never was: then the process ends here. */
#define AROUND(kind, call, path, result)                \
    int met = meets(kind, call, path, "", 0);           \
    if (met < 0) return -1;                             \
    __typeof__(result) done = result;                   \
    if (met > 0) kill(getpid(), SIGKILL);               \
    return done

static enum kind kind_of(int flags) {
    return flags & O_CREAT ? NEEDS_SPACE : (flags & O_ACCMODE) == O_RDONLY ? LOOKS : CHANGES;
}

static int open_at(int directory, const char *name, int flags, mode_t mode) {
    char path[PATH_MAX];
    const char *call = kind_of(flags) == LOOKS ? "look" : "open";
    AROUND(kind_of(flags), call, path_at(directory, name, path),
           (int)syscall(SYS_openat, directory, name, flags | O_LARGEFILE, mode));
}

#define MODE(flags)                                     \
    va_list more;                                       \
    va_start(more, flags);                              \
    mode_t mode = flags & O_CREAT ? va_arg(more, mode_t) : 0; \
    va_end(more)

int open(const char *name, int flags, ...) { MODE(flags); return open_at(AT_FDCWD, name, flags, mode); }
int open64(const char *name, int flags, ...) { MODE(flags); return open_at(AT_FDCWD, name, flags, mode); }
int openat(int at, const char *name, int flags, ...) { MODE(flags); return open_at(at, name, flags, mode); }
int openat64(int at, const char *name, int flags, ...) { MODE(flags); return open_at(at, name, flags, mode); }

DIR *opendir(const char *name) {
    if (meets(LOOKS, "list", name, "", 0) < 0) return NULL;
    return REAL(opendir)(name);
}

ssize_t write(int fd, const void *bytes, size_t size) {
    char path[PATH_MAX];
    int met = meets(NEEDS_SPACE, "write", path_of(fd, path), bytes, size);
    if (met < 0) return -1;
    ssize_t written = syscall(SYS_write, fd, bytes, met > 0 ? size / 2 : size);
    if (met > 0) kill(getpid(), SIGKILL);
    return written;
}

int fsync(int fd) {
    char path[PATH_MAX];
    AROUND(CHANGES, "fsync", path_of(fd, path), 0);
}

int fchmod(int fd, mode_t mode) {
    char path[PATH_MAX];
    AROUND(CHANGES, "chmod", path_of(fd, path), REAL(fchmod)(fd, mode));
}

int ftruncate64(int fd, off64_t size) {
    char path[PATH_MAX];
    AROUND(CHANGES, "truncate", path_of(fd, path), REAL(ftruncate64)(fd, size));
}

int chmod(const char *name, mode_t mode) { AROUND(CHANGES, "chmod", name, REAL(chmod)(name, mode)); }
int mkdir(const char *name, mode_t mode) { AROUND(NEEDS_SPACE, "mkdir", name, REAL(mkdir)(name, mode)); }
int rmdir(const char *name) { AROUND(CHANGES, "rmdir", name, REAL(rmdir)(name)); }
int unlink(const char *name) { AROUND(CHANGES, "unlink", name, REAL(unlink)(name)); }
int rename(const char *from, const char *to) { AROUND(CHANGES, "rename", to, REAL(rename)(from, to)); }
int symlink(const char *to, const char *name) { AROUND(NEEDS_SPACE, "symlink", name, REAL(symlink)(to, name)); }

int unlinkat(int at, const char *name, int flags) {
    char path[PATH_MAX];
    AROUND(CHANGES, "unlink", path_at(at, name, path), REAL(unlinkat)(at, name, flags));
}

int mount(const char *from, const char *on, const char *type, unsigned long flags, const void *data) {
    AROUND(CHANGES, "mount", on, REAL(mount)(from, on, type, flags, data));
}

/* `PROC_USER_INIT_INO` and `PROC_PID_INIT_INO` (Linux tag v6.12, include/linux/proc_ns.h). */
int statx(int at, const char *name, int flags, unsigned mask, struct statx *status) {
    int done = REAL(statx)(at, name, flags, mask, status);
    if (done == 0 && *setting("SHIM_FIRST")) {
        if (strcmp(name, "/proc/self/ns/user") == 0) status->stx_ino = 0xEFFFFFFD;
        if (strcmp(name, "/proc/self/ns/pid") == 0) status->stx_ino = 0xEFFFFFFC;
    }
    return done;
}

int umount(const char *on) { AROUND(CHANGES, "unmount", on, REAL(umount)(on)); }
int umount2(const char *on, int flags) { AROUND(CHANGES, "unmount", on, REAL(umount2)(on, flags)); }
