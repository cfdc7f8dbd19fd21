/* Records what a process asks of the disk, and can make the disk fail.
 *
 * LD_PRELOAD this with SHIM_DIR (whose files are watched) and SHIM_LOG (where the record goes).
 * One entry per call: kind, length of the path, offset, size, path, data. While the file
 * SHIM_DIR/fail-write exists, writes fail with ENOSPC; with fail-sync, syncs fail with EIO. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#pragma pack(push, 1)
struct entry {
    uint8_t kind;
    uint16_t path;
    int64_t offset;
    int64_t size;
};
#pragma pack(pop)

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;

static void put(int fd, const void *data, size_t size) {
    const char *at = data;
    while (size > 0) {
        long done = syscall(SYS_write, fd, at, size);
        if (done <= 0) abort();
        at += done;
        size -= (size_t)done;
    }
}

static void record(uint8_t kind, const char *path, int64_t offset, const void *data, int64_t size) {
    static int log = -1;
    pthread_mutex_lock(&mutex);
    if (log < 0) log = open(getenv("SHIM_LOG"), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    struct entry head = {kind, (uint16_t)strlen(path), offset, size};
    put(log, &head, sizeof head);
    put(log, path, head.path);
    if (data) put(log, data, (size_t)size);
    pthread_mutex_unlock(&mutex);
}

/* The name below SHIM_DIR of an open file, or NULL for files that are not watched. */
static const char *watched(int fd, char *path) {
    const char *dir = getenv("SHIM_DIR");
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t size = dir ? readlink(link, path, PATH_MAX - 1) : -1;
    if (size < 0) return NULL;
    path[size] = 0;
    size_t length = strlen(dir);
    if (strncmp(path, dir, length) != 0) return NULL;
    if (path[length] == 0) return "";
    if (path[length] != '/' || strstr(path, "-shm") || strstr(path, ".lock")) return NULL;
    return path + length + 1;
}

static int failing(const char *what) {
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s/%s", getenv("SHIM_DIR"), what);
    return access(path, F_OK) == 0;
}

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

static int refused(int fd, const void *data, size_t size, off_t offset) {
    char path[PATH_MAX];
    int saved = errno;
    const char *name = watched(fd, path);
    errno = saved;
    if (!name) return 0;
    if (failing("fail-write")) {
        errno = ENOSPC;
        return 1;
    }
    record('w', name, offset, data, (int64_t)size);
    return 0;
}

ssize_t pwrite(int fd, const void *data, size_t size, off_t offset) {
    return refused(fd, data, size, offset) ? -1 : REAL(pwrite)(fd, data, size, offset);
}

ssize_t pwrite64(int fd, const void *data, size_t size, off64_t offset) {
    return refused(fd, data, size, offset) ? -1 : REAL(pwrite64)(fd, data, size, offset);
}

ssize_t write(int fd, const void *data, size_t size) {
    int saved = errno;
    off_t offset = lseek(fd, 0, SEEK_CUR);
    errno = saved;
    if (offset >= 0 && refused(fd, data, size, offset)) return -1;
    return REAL(write)(fd, data, size);
}

static void truncated(int fd, off_t size) {
    char path[PATH_MAX];
    const char *name = watched(fd, path);
    if (name) record('t', name, size, NULL, 0);
}

int ftruncate(int fd, off_t size) {
    truncated(fd, size);
    return REAL(ftruncate)(fd, size);
}

int ftruncate64(int fd, off64_t size) {
    truncated(fd, size);
    return REAL(ftruncate64)(fd, size);
}

/* A sync counts from the moment it has returned. */
static int synced(int fd, int (*real)(int)) {
    char path[PATH_MAX];
    const char *name = watched(fd, path);
    if (name && failing("fail-sync")) {
        errno = EIO;
        return -1;
    }
    int result = real(fd);
    if (name && result == 0) record('s', name, 0, NULL, 0);
    return result;
}

int fsync(int fd) { return synced(fd, REAL(fsync)); }

int fdatasync(int fd) { return synced(fd, REAL(fdatasync)); }

int unlink(const char *file) {
    const char *dir = getenv("SHIM_DIR");
    size_t length = dir ? strlen(dir) : 0;
    if (dir && strncmp(file, dir, length) == 0 && !strstr(file, "-shm"))
        record('u', file + length + 1, 0, NULL, 0);
    return REAL(unlink)(file);
}
