package main

// hurried, in GORACE, tells the race detector not to wait a second at the end of
// each program.
const hurried = "atexit_sleep_ms=0"
