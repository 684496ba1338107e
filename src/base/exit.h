// The end of the process: work under way must stop before the statics it uses are destroyed.
//
// exit() undoes things in reverse order. Statics that a foreign library makes late are destroyed early, before a hook that was set first;
// so whoever makes such statics calls renew_before_exit afterwards.
#pragma once

namespace mixnet {

// Runs `hook` once when the process ends by exit() or by returning from main; one for the process. Must return in bounded time.
void set_before_exit(void (*hook)());

// The hook now runs before the destructors of all statics that exist at this moment.
void renew_before_exit();

}  // namespace mixnet
