import NIOCore

/// The event loop that read a call's request, for work that is shorter than handing it to another thread would be.
public struct ReadingThread: Sendable {
  private let eventLoop: any EventLoop
  package init(_ eventLoop: any EventLoop) { self.eventLoop = eventLoop }

  /// The same for all calls of the same thread.
  public var id: ObjectIdentifier { ObjectIdentifier(eventLoop) }
  /// Runs `work` on the thread, behind everything that it reads in the same turn. All other calls of the thread wait
  /// for its end.
  public func soon(_ work: @escaping @Sendable () -> Void) { eventLoop.execute(work) }
}
