// The entry under the name of an ES module, for whoever starts the runtime so; bootstrap.cjs itself
// starts 5 ms sooner.
import './bootstrap.cjs'
