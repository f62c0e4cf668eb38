/// Who calls, and until when: what a call's work needs to know of it.
struct Caller: Sendable {
  /// The name of the token or certificate.
  var name: String
  var deadline: ContinuousClock.Instant?
  var isCancelled: @Sendable () -> Bool
}
