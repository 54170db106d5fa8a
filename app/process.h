/* process -- what the system tells about this machine and this process. */
#ifndef APP_PROCESS_H
#define APP_PROCESS_H

#include <stddef.h>

/* Most memory the process has ever held, in bytes; 0 when the system does not
 * tell.  Pages of mapped files count once they were read. */
size_t process_peak_memory(void);

/* "AMD EPYC", or "" when the system does not tell. */
const char *process_cpu(char *out, size_t room);

#endif
