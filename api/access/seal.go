package access

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/base64"

	"payerflow/processors"
)

// sealLabel parts the key of sealed texts from those of tokens.
const sealLabel = "sealed cursor"

// sealer is AES-256-GCM with a key that follows from the deployment's secret.
func sealer(secret []byte) (cipher.AEAD, error) {
	key, err := hkdf.Key(sha256.New, secret, nil, sealLabel, sha256.Size)
	if err != nil {
		return nil, err
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCMWithRandomNonce(block)
}

// Seal makes a text that tells nothing, and that workers with the same secret
// open where it is about the same thing alone.
func (g *Guard) Seal(about string, b []byte) string {
	return base64.RawURLEncoding.EncodeToString(g.keys.seal.Seal(nil, nil, b, []byte(about)))
}

// Open is what was sealed; false for a text that was not, or is about
// something else.
func (g *Guard) Open(about, text string) ([]byte, bool) {
	sealed, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil {
		return nil, false
	}
	b, err := g.keys.seal.Open(nil, nil, sealed, []byte(about))
	return b, err == nil
}

// Rules are the rules of this moment. It fails where they may be too old to say
// who may see what, and where there is no guard.
func (g *Guard) Rules() (*processors.Rules, error) {
	if g == nil {
		return nil, errNoGuard
	}
	return g.rules.Rules()
}

// Alias stands for a text where it may not be seen: the same one in every
// answer about the same thing, by workers with the same secret.
func (g *Guard) Alias(about, text string) string {
	return base64.RawURLEncoding.EncodeToString(g.keys.hash("alias\x00" + about + "\x00" + text)[:aliasBytes])
}

const aliasBytes = 16
