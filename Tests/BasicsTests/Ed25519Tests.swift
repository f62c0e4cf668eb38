import DitherBasics
import DitherTestSupport
import Foundation
import Testing

@Suite struct Ed25519Tests {
  private static func bytes(_ hex: String) -> [UInt8] {
    stride(from: 0, to: hex.count, by: 2).compactMap { UInt8(hex.dropFirst($0).prefix(2), radix: 16) }
  }

  /// PKCS #8 around a seed (RFC 8410, 7).
  private static func pem(_ seed: [UInt8]) -> [UInt8] {
    let der = bytes("302e020100300506032b657004220420") + seed
    return Array("-----BEGIN PRIVATE KEY-----\n\(Data(der).base64EncodedString())\n-----END PRIVATE KEY-----\n".utf8)
  }

  /// RFC 8032, 7.1, tests 1 to 3.
  @Test(arguments: [
    (
      "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
      "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a", "",
      "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b"
    ),
    (
      "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
      "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c", "72",
      "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"
    ),
    (
      "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
      "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025", "af82",
      "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a"
    ),
  ])
  func vectors(_ seed: String, _ publicKey: String, _ message: String, _ signature: String) throws {
    let key = try Ed25519.PrivateKey(pem: Self.pem(Self.bytes(seed))), message = Self.bytes(message)
    #expect(key.publicKey.bytes == Self.bytes(publicKey))
    #expect(key.sign(message) == Self.bytes(signature))
    #expect(key.publicKey.hasSigned(message, Self.bytes(signature)))
    #expect(!key.publicKey.hasSigned(message + [0], Self.bytes(signature)))
    #expect(!Ed25519.PrivateKey().publicKey.hasSigned(message, Self.bytes(signature)))
  }

  @Test func signaturesOfAnotherLengthAreNone() {
    let key = Ed25519.PrivateKey(), signature = key.sign([1])
    for count in [0, 1, 63] { #expect(!key.publicKey.hasSigned([1], Array(signature.prefix(count)))) }
    #expect(!key.publicKey.hasSigned([1], signature + [0]))
  }

  /// The identity as key and as the signature's point, with a zero beside it, holds for every message by the equation
  /// of RFC 8032, 5.1.7.
  @Test(
    "points of small order are no keys",
    arguments: [
      "0100000000000000000000000000000000000000000000000000000000000000",
      "0000000000000000000000000000000000000000000000000000000000000080",
      "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
      "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
    ])
  func smallOrder(_ hex: String) {
    #expect(Ed25519.PublicKey(base64: Data(Self.bytes(hex)).base64EncodedString()) == nil)
    let der = Self.bytes("302a300506032b6570032100") + Self.bytes(hex)
    let pem = "-----BEGIN PUBLIC KEY-----\n\(Data(der).base64EncodedString())\n-----END PUBLIC KEY-----\n"
    #expect(throws: KeyError.self) { try Ed25519.PublicKey(pem: Array(pem.utf8)) }
  }

  @Test func publicKeysAreWrittenAndReadBack() throws {
    let key = Ed25519.PrivateKey().publicKey
    #expect(try Ed25519.PublicKey(pem: Array(key.pem.utf8)) == key)
    #expect(Ed25519.PublicKey(base64: key.base64) == key)
    #expect(Ed25519.PublicKey(base64: "AAAA") == nil && Ed25519.PublicKey(base64: "?") == nil)
  }

  @Test func aKeyFileIsMadeOnceForItsOwnerOnly() throws {
    let scratch = try Scratch(), path = scratch.file("key.pem")
    let made = try Ed25519.PrivateKey(openOrMake: path)
    #expect(try Ed25519.PrivateKey(openOrMake: path).publicKey == made.publicKey)
    #expect(
      try Ed25519.PublicKey(pem: [UInt8](Data(contentsOf: URL(filePath: scratch.file("key.pub.pem")))))
        == made.publicKey)
    let mode = try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int
    #expect(mode == 0o600)
    #expect(throws: KeyError.self) { try Ed25519.PrivateKey(openOrMake: scratch.file("no/such/folder.pem")) }
  }

  @Test("of several who make a key file at once, all have the first one's") func race() async throws {
    let scratch = try Scratch(), path = scratch.file("key.pem")
    let keys = try await withThrowingTaskGroup(of: Ed25519.PublicKey.self) { group in
      for _ in 0..<8 { group.addTask { try Ed25519.PrivateKey(openOrMake: path).publicKey } }
      return try await group.reduce(into: Set<Ed25519.PublicKey>()) { $0.insert($1) }
    }
    let kept = try Ed25519.PublicKey(pem: [UInt8](Data(contentsOf: URL(filePath: scratch.file("key.pub.pem")))))
    #expect(keys == [kept] && scratch.files == ["key.pem", "key.pub.pem"])
  }

  /// A key of another kind, one with a pass phrase (nobody is asked for it), and noise.
  @Test(arguments: [
    """
    -----BEGIN PRIVATE KEY-----
    MC4CAQAwBQYDK2VuBCIEIHcHbQpzGKV9PBbBclGyZkXfTC+H68CZKrF3+6UduSwq
    -----END PRIVATE KEY-----
    """,
    """
    -----BEGIN ENCRYPTED PRIVATE KEY-----
    MIGjMF8GCSqGSIb3DQEFDTBSMDEGCSqGSIb3DQEFDDAkBBCAAAAAAAAAAAAAAAAA
    -----END ENCRYPTED PRIVATE KEY-----
    """, "", "\0", "-----BEGIN PRIVATE KEY-----\n", String(repeating: "A", count: 1 << 17),
  ])
  func otherFilesAreRefused(_ text: String) {
    #expect(throws: KeyError.self) { try Ed25519.PrivateKey(pem: Array(text.utf8)) }
    #expect(throws: KeyError.self) { try Ed25519.PublicKey(pem: Array(text.utf8)) }
  }
}
