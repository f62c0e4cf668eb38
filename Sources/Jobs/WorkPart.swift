import DitherBasics

/// One part of some work, of so many: every so many-th shard or trial, so that each part has its share of dear ones.
public struct WorkPart: Sendable, Equatable, CustomStringConvertible {
  /// Parts of one work, at most.
  public static let most = 10_000

  /// From 1.
  public let number: Int
  /// Parts of the work.
  public let count: Int

  /// - Parameter text: `I/N`, as `--part` takes it.
  /// - Throws: `JobFault.part` for what is none.
  public init(parsing text: String) throws(JobError) {
    let words = text.split(separator: "/", omittingEmptySubsequences: false)
    guard words.count == 2, let number = Int(words[0]), let count = Int(words[1]),
      (1...Self.most).contains(count), (1...count).contains(number)
    else {
      throw JobError(
        .part, at: "part", expected: "I/N: a number from 1 to N, of N parts (\(Self.most) at most)",
        got: "'\(text.clipped())'",
        advice: text.hasPrefix("0/") ? "parts are counted from 1: add 1 to an array's number from 0" : nil)
    }
    (self.number, self.count) = (number, count)
  }

  /// As it is written.
  public var description: String { "\(number)/\(count)" }

  /// Whether a shard or trial is this part's.
  /// - Parameter place: its place in the whole work, from 0.
  public func contains(_ place: Int) -> Bool { place % count == number - 1 }
}
