/* Processor time that another process of this user has used, all its threads. */
#ifndef PAWL_BENCH_CPU_TIME_H
#define PAWL_BENCH_CPU_TIME_H

#include <stdint.h>
#include <sys/types.h>

/* In ns; 0: there is no such process. */
uint64_t cpu_time_ns(pid_t pid);

#endif
