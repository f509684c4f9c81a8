#include "sequencer/daemon/surroundings.h"

#include <errno.h>
#include <grp.h>
#include <linux/magic.h>
#include <string.h>
#include <sys/statfs.h>

#include "hw/placement/placement.h"

static int group_find(const char *name, struct surroundings *s, struct error *err)
{
	const struct group *group;

	if (!name[0])
		return 0;
	group = getgrnam(name);
	if (!group)
		return error_set(err, -ENOENT,
			"pawld: group '%s': no such group; make it with 'groupadd %s', "
			"or leave --group out",
			name, name);
	s->group_set = true;
	s->group = group->gr_gid;
	return 0;
}

/* Memory and threads are placed by the network card; over shared memory by nothing. */
static int placement_get(const struct daemon_config *config,
	struct placement *placement_p, struct error *err)
{
	const char *device = config->device[0] ? config->device : NULL;
	int rc = placement_find(device, placement_p, err);

	if (rc == -ENODEV && config->transport == CONFIG_SHM && !device) {
		memset(placement_p, 0, sizeof(*placement_p));
		placement_p->node = -1;
		return 0;
	}
	return rc;
}

static int pin(
	const char *cpus_text, const struct placement *placement, struct error *err)
{
	cpu_set_t cpus;
	int rc = placement_parse_cpus(cpus_text, placement, &cpus, err);

	return rc ? rc : placement_pin_thread(&cpus, err);
}

/* On a disk a region would outlive a power cut, with the numbers of some moment before. */
static int memory_dir_check(const char *path, struct error *err)
{
	struct statfs fs;

	if (statfs(path, &fs))
		return error_set(err, -errno,
			"pawld: %s: memory directory: %s; choose another with "
			"--memory-dir",
			path, error_reason(-errno));
	if (fs.f_type == TMPFS_MAGIC || fs.f_type == RAMFS_MAGIC)
		return 0;
	return error_set(err, -EINVAL,
		"pawld: %s: memory directory: not a memory file system (tmpfs), so its "
		"files would "
		"outlive a power cut with old numbers; use /dev/shm",
		path);
}

int surroundings_find(const struct daemon_config *config,
	struct surroundings *surroundings_p, struct error *err)
{
	struct surroundings s = {.node = -1};
	static struct placement placement; /* large; one thread, once */
	int rc = memory_dir_check(config->memory_dir, err);

	if (!rc)
		rc = group_find(config->group, &s, err);
	if (!rc && (config->transport == CONFIG_VERBS || config->pin[0])) {
		rc = placement_get(config, &placement, err);
		if (!rc && config->transport == CONFIG_VERBS)
			s.node = placement.node;
		if (!rc && config->pin[0])
			rc = pin(config->pin, &placement, err);
	}
	if (!rc)
		*surroundings_p = s;
	return rc;
}
