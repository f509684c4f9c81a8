#include "tests/linear/budget.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define ROOM_MIN 64

int budget_grow(
	struct budget *budget, void *array_p, size_t *room_p, size_t needed, size_t size)
{
	size_t room = *room_p ? *room_p : ROOM_MIN;
	void *array;

	if (needed <= *room_p)
		return 0;
	while (room < needed)
		room *= 2;
	if ((room - *room_p) * size > budget->left)
		room = needed; /* the last there is */
	if ((room - *room_p) * size > budget->left)
		return -ENOBUFS;
	memcpy(&array, array_p, sizeof(array));
	array = realloc(array, room * size);
	if (!array)
		return -ENOMEM;
	memset((char *)array + *room_p * size, 0, (room - *room_p) * size);
	memcpy(array_p, &array, sizeof(array));
	budget->left -= (room - *room_p) * size;
	*room_p = room;
	return 0;
}

void budget_free(struct budget *budget, void *array_p, size_t *room_p, size_t size)
{
	void *array;

	memcpy(&array, array_p, sizeof(array));
	free(array);
	budget->left += *room_p * size;
	*room_p = 0;
	array = NULL;
	memcpy(array_p, &array, sizeof(array));
}
