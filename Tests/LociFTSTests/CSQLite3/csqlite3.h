// The system's SQLite, as it is.
#include <sqlite3.h>
