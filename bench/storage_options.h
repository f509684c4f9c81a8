/* What 'pawl-bench store' is asked to measure. */
#ifndef PAWL_BENCH_STORAGE_OPTIONS_H
#define PAWL_BENCH_STORAGE_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "client/include/pawl/machine.h"

#define STORAGE_SECONDS_MAX 600 /* etcd keeps every version, and takes 2 GiB of them */
#define STORAGE_KEYS_MAX 1000000
#define STORAGE_LEN_MIN 32
#define STORAGE_LEN_MAX 8192
#define STORAGE_DEPTH_MAX 1024
#define STORAGE_CLIENTS_MAX 16

struct storage_options {
	bool verbs; /* else shared memory */
	uint64_t clients;
	uint64_t depth; /* operations in flight of each client */
	uint64_t reads; /* of 100 operations */
	enum pawl_reading reading;
	uint64_t keys;
	uint64_t value_len; /* bytes */
	uint64_t replicas;
	uint64_t seconds;
	enum pawl_wait wait;
	bool archive;
	bool alone; /* without etcd */
	bool pin;
	const char *device; /* NULL: any */
	const char *plot; /* what its files are called, without their ends; NULL: none */
	bool json;
};

/* 0, or the exit status with one line printed; --help ends the process. */
int storage_options_parse(int argc, char **argv, struct storage_options *options_p)
	__attribute__((warn_unused_result));

/* "log", ...; "yield", ... */
const char *storage_reading_name(enum pawl_reading reading);

#endif
