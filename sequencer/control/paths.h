/*
 * Where a cluster's files live on this host.  The replica and the client compute the same
 * names from the same environment, and so find each other without being told.
 *
 *   runtime directory  sockets and locks, gone after a reboot
 *     $PAWL_RUNTIME_DIR, else /run/pawl for root, else $XDG_RUNTIME_DIR/pawl, else
 *     /tmp/pawl-UID
 *   state directory    records and logs, kept for ever
 *     $PAWL_STATE_DIR, else /var/lib/pawl for root, else $XDG_STATE_HOME/pawl, else
 *     $HOME/.local/state/pawl
 *
 * An empty variable counts as unset, and so does an XDG variable that is no absolute
 * path.  A program with raised privileges ignores the environment.
 *
 * All functions but paths_make only compute text.  @buf is written on success alone.
 * Thread-safe as long as nobody changes the environment.
 */
#ifndef PAWL_CONTROL_PATHS_H
#define PAWL_CONTROL_PATHS_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "hw/error.h"

#define PATHS_LEN_MAX 256 /* bytes of any path made here, with its terminator */

/*
 * -EINVAL: a PAWL_ variable is no absolute path.  -ENAMETOOLONG: does not fit @len.
 * -ENOENT (state only): there is no home directory to put it in.
 */
int paths_runtime_dir(char *buf, size_t len, struct error *err)
	__attribute__((warn_unused_result));
int paths_state_dir(char *buf, size_t len, struct error *err)
	__attribute__((warn_unused_result));

/* BASE/CLUSTER: where one cluster's files are below either directory.  -ENAMETOOLONG. */
int paths_cluster_dir(const char *base, const char *cluster, char *buf, size_t len,
	struct error *err) __attribute__((warn_unused_result));

/*
 * RUNTIME/CLUSTER/ID.sock, the replica's Unix socket.  -ENAMETOOLONG: does not fit @len
 * or the 107 bytes of a socket address.
 */
int paths_socket(const char *runtime_dir, const char *cluster, uint16_t id, char *buf,
	size_t len, struct error *err) __attribute__((warn_unused_result));

/* RUNTIME/CLUSTER/ID.lock, held by the one running replica.  -ENAMETOOLONG. */
int paths_lock(const char *runtime_dir, const char *cluster, uint16_t id, char *buf,
	size_t len, struct error *err) __attribute__((warn_unused_result));

/* STATE/CLUSTER/ID.log.  -ENAMETOOLONG. */
int paths_log(const char *state_dir, const char *cluster, uint16_t id, char *buf,
	size_t len, struct error *err) __attribute__((warn_unused_result));

/* BASE/CLUSTER/ID.archive: the archives of a replica's streams.  -ENAMETOOLONG. */
int paths_archive(const char *base, const char *cluster, uint16_t id, char *buf,
	size_t len, struct error *err) __attribute__((warn_unused_result));

/*
 * Makes @dir and what is missing above it, with @mode (cut by the umask); what exists
 * stays as it is.  Nobody else may be able to put another directory in its place: @dir
 * must belong to this user or root and not be writable for all, and each name on the way
 * that stands in a directory writable for all must belong to this user or root, the
 * directory around it having the sticky bit.
 *
 * -EPERM: this rule is broken.  -ENOTDIR: something else has the name.  -ENAMETOOLONG.
 * Else what mkdir says: -EACCES, -ENOSPC, -EROFS, ...
 */
int paths_make(const char *dir, mode_t mode, struct error *err)
	__attribute__((warn_unused_result));

#endif
