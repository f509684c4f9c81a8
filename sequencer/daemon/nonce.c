#include "sequencer/daemon/nonce.h"

#include <errno.h>
#include <sys/random.h>

int nonce_make(uint64_t *nonce_p, struct error *err)
{
	uint64_t nonce = 0;

	while (nonce == 0) {
		if (getrandom(&nonce, sizeof(nonce), 0) != (ssize_t)sizeof(nonce))
			return error_set(err, -EAGAIN, "pawld: no random numbers: %s",
				error_reason(-errno));
	}
	*nonce_p = nonce;
	return 0;
}
