import DitherProto
import Foundation
import SwiftProtobuf

/// The files of `protos/` that declare what is served, by name and by what they declare.
struct DescriptorIndex: Sendable {
  private var files: [String: (bytes: Data, imports: [String])] = [:]
  /// The file of each full name.
  private var symbols: [String: String] = [:]

  /// The files themselves.
  static let set: Google_Protobuf_FileDescriptorSet = {
    guard let bytes = Data(base64Encoded: ServedDescriptors.base64, options: .ignoreUnknownCharacters),
      let set = try? Google_Protobuf_FileDescriptorSet(serializedBytes: bytes)
    else { preconditionFailure("the descriptors that are generated are a FileDescriptorSet") }
    return set
  }()

  static let served: DescriptorIndex = {
    guard let index = try? DescriptorIndex(set) else {
      preconditionFailure("the descriptors that are generated can be written")
    }
    return index
  }()

  init(_ set: Google_Protobuf_FileDescriptorSet) throws {
    let all = Declared(set)
    for (name, message, file) in all.messages {
      symbols[name] = file
      for field in message.field { symbols["\(name).\(field.name)"] = file }
      for oneof in message.oneofDecl { symbols["\(name).\(oneof.name)"] = file }
    }
    for (name, kind, file) in all.enumerations {
      symbols[name] = file
      // Values of an enumeration stand beside it.
      for value in kind.value { symbols["\(name.dropLast(kind.name.count))\(value.name)"] = file }
    }
    for file in set.file {
      files[file.name] = (try file.serializedData(), file.dependency)
      for service in file.service {
        let name = "\(file.package).\(service.name)"
        symbols[name] = file.name
        for method in service.method { symbols["\(name).\(method.name)"] = file.name }
      }
    }
  }

  /// All messages and enumerations of some files, nested ones too, by their full names, each with its file's.
  struct Declared: Sendable {
    private(set) var messages: [(name: String, message: Google_Protobuf_DescriptorProto, file: String)] = []
    private(set) var enumerations: [(name: String, kind: Google_Protobuf_EnumDescriptorProto, file: String)] = []

    init(_ set: Google_Protobuf_FileDescriptorSet) {
      for file in set.file { add(file.messageType, file.enumType, in: file.package, file.name) }
    }

    private mutating func add(
      _ messages: [Google_Protobuf_DescriptorProto], _ kinds: [Google_Protobuf_EnumDescriptorProto], in scope: String,
      _ file: String
    ) {
      for kind in kinds { enumerations.append(("\(scope).\(kind.name)", kind, file)) }
      for message in messages {
        let name = "\(scope).\(message.name)"
        self.messages.append((name, message, file))
        add(message.nestedType, message.enumType, in: name, file)
      }
    }
  }

  /// - Parameter symbol: a full name, with or without a dot before it.
  func file(of symbol: String) -> String? { symbols[symbol.hasPrefix(".") ? String(symbol.dropFirst()) : symbol] }

  /// A file and, behind it, all that it imports, each serialized; nil where there is no such file.
  func files(from name: String) -> [Data]? {
    guard files[name] != nil else { return nil }
    var names = [name], at = 0
    while at < names.count {
      for dependency in files[names[at]]?.imports ?? [] where !names.contains(dependency) { names.append(dependency) }
      at += 1
    }
    return names.compactMap { files[$0]?.bytes }
  }
}
