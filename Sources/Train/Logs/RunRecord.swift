import DitherBasics
import DitherDatasets
import DitherTensor
import Foundation

/// A run's circumstances, its seed and its machines: `run.json` in its folder.
public struct RunRecord: Codable, Sendable {
  /// One process that worked on it: from its beginning, or from a checkpoint.
  public struct Sitting: Codable, Sendable {
    /// ISO 8601.
    public var began: String
    /// Epochs that were behind it.
    public var afterEpochs: Int
    /// Dither's version.
    public var software: String
    /// That of the language's library.
    public var swift: String
    /// The operating system.
    public var system: String
    /// The processor's name, where the system tells.
    public var processor: String?
    /// The processor's, that kernels are made of.
    public var instructions: String
    /// The machine's.
    public var cores: Int
    /// The computation's.
    public var threads: Int

    init(afterEpochs: Int, software: String, threads: Int) {
      began = Date().formatted(.iso8601)
      self.afterEpochs = afterEpochs
      self.software = software
      swift = "\(_SwiftStdlibVersion.current)"
      system = Machine.system
      processor = Machine.processor
      instructions = Kernels.instructionSet
      cores = Machine.cores
      self.threads = threads
    }
  }

  /// The recipe's.
  public var name: String
  /// All that is random follows from it.
  public var seed: UInt64
  /// The processes that worked on it, in their order.
  public var sittings: [Sitting]
  /// The files that were read, where the data are one's own.
  public var dataOrigin: DataOrigin?
  /// When the model was evaluated, as ISO 8601; nil: it is not yet.
  public var finished: String?

  private static func path(_ folder: RunFolder) -> String { folder.path + "/run.json" }

  /// As it stands in a folder, or anew.
  init(_ folder: RunFolder, _ recipe: Recipe) {
    let decoder = JSONDecoder()
    decoder.keyDecodingStrategy = .convertFromSnakeCase
    if let data = FileManager.default.contents(atPath: Self.path(folder)),
      let found = try? decoder.decode(Self.self, from: data)
    {
      self = found
    } else {
      (name, seed, sittings) = (recipe.name, recipe.seed, [])
    }
  }

  func write(to folder: RunFolder) throws {
    try writeWhole(jsonText(of: self), to: Self.path(folder))
  }
}
