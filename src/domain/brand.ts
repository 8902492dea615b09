// Branded primitives: a string or number that cannot be mistaken for another of its kind.

export type Brand<T, B extends string> = T & { readonly __brand: B }

/** Same over every attempt of one asynchronous invocation; what the caller sees as x-amzn-RequestId. */
export type RequestId = Brand<string, 'RequestId'>
/** One attempt. Sent to the runtime as Lambda-Runtime-Invocation-Id. */
export type InvocationId = Brand<string, 'InvocationId'>
export type EnvironmentId = Brand<string, 'EnvironmentId'>
/** One state of a function's code and configuration. */
export type GenerationId = Brand<string, 'GenerationId'>
export type CommandId = Brand<number, 'CommandId'>
export type TimerKey = Brand<string, 'TimerKey'>
/** Epoch milliseconds on the emulator's clock. */
export type EmulatorMs = Brand<number, 'EmulatorMs'>
/** Epoch milliseconds of the host. */
export type KernelMs = Brand<number, 'KernelMs'>
