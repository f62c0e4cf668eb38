import Foundation

/// The machine that this program runs on.
public enum Machine {
  /// The processor's name, where the system tells.
  public static var processor: String? {
    let lines = FileManager.default.contents(atPath: "/proc/cpuinfo").map { String(decoding: $0, as: UTF8.self) }
    let line = lines?.split(separator: "\n").first { $0.hasPrefix("model name") }
    return line?.split(separator: ":", maxSplits: 1).last.map { $0.trimmingCharacters(in: .whitespaces) }
  }
  /// Cores that are at work.
  public static var cores: Int { ProcessInfo.processInfo.activeProcessorCount }
  /// The operating system with its version.
  public static var system: String { ProcessInfo.processInfo.operatingSystemVersionString }
  /// All of that in one line.
  public static var summary: String {
    [processor, cores == 1 ? "1 core" : "\(cores) cores", system].compactMap { $0 }.joined(separator: ", ")
  }
}
