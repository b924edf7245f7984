#!/bin/sh
# Makes the file system of the image: rootfs.sh PROGRAM DIR. The program, the libraries that it needs and the loader, in their
# places; certificates of authorities; a user without rights; and a list of what all that is (SPDX 2.3), from dpkg.
set -eu
program=$1 root=$2
rm -rf "$root"
mkdir -p "$root/usr/local/bin" "$root/etc/ssl/certs" "$root/models" "$root/var/cache/nereid" "$root/tmp" "$root/usr/share/sbom"
install -m 755 "$program" "$root/usr/local/bin/nereid"
strip "$root/usr/local/bin/nereid"
ln -s nereid "$root/usr/local/bin/tritonserver"
ln -s nereid "$root/usr/local/bin/trtexec"
# a merged /usr, as in Debian: /lib and /lib64 are links
mkdir -p "$root/usr/lib" "$root/usr/lib64"
ln -s usr/lib "$root/lib"
ln -s usr/lib64 "$root/lib64"
files=$(ldd "$program" | awk '$2 == "=>" && $3 ~ /^\// {print $3} $1 ~ /^\// {print $1}')
for f in $files; do
	mkdir -p "$root$(dirname "$f")"
	cp -L "$f" "$root$f"
done
cp /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/"
printf 'root:x:0:0:root:/:/nonexistent\nnereid:x:65532:65532:nereid:/tmp:/nonexistent\n' >"$root/etc/passwd"
printf 'root:x:0:\nnereid:x:65532:\n' >"$root/etc/group"
printf 'hosts: files dns\n' >"$root/etc/nsswitch.conf"
ldconfig -r "$root" 2>/dev/null || true       # the cache only saves time: the loader looks in the folders itself
chmod 1777 "$root/tmp"
chown -R 65532:65532 "$root/var/cache/nereid"

version=$("$program" --version | awk '{print $2}')
package_of() { # FILE: its package, also where the name that dpkg knows lies behind the merged /usr
	dpkg -S "$1" 2>/dev/null || dpkg -S "/usr$1" 2>/dev/null || dpkg -S "${1#/usr}" 2>/dev/null || true
}
packages=$(for f in $files $(readlink -f /etc/ssl/certs/ca-certificates.crt); do package_of "$f"; done | sed 's/: .*//; s/,.*//' | sort -u)
packages=$(printf '%s\nca-certificates\n' "$packages" | sort -u)
{
	printf '{"spdxVersion":"SPDX-2.3","dataLicense":"CC0-1.0","SPDXID":"SPDXRef-DOCUMENT","name":"nereid-%s",' "$version"
	printf '"documentNamespace":"https://spdx.org/spdxdocs/nereid-%s-%s",' "$version" "$(sha256sum "$program" | cut -c1-16)"
	printf '"creationInfo":{"created":"%s","creators":["Tool: nereid-rootfs"]},"packages":[' "$(date -u -d "@${SOURCE_DATE_EPOCH:-$(date +%s)}" +%Y-%m-%dT%H:%M:%SZ)"
	printf '{"SPDXID":"SPDXRef-nereid","name":"nereid","versionInfo":"%s","downloadLocation":"NOASSERTION","licenseDeclared":"Apache-2.0"}' "$version"
	for p in $packages; do
		dpkg-query -W -f ',{"SPDXID":"SPDXRef-${binary:Package}","name":"${Package}","versionInfo":"${Version}","supplier":"Organization: Debian","downloadLocation":"NOASSERTION","externalRefs":[{"referenceCategory":"PACKAGE-MANAGER","referenceType":"purl","referenceLocator":"pkg:deb/debian/${Package}@${Version}?arch=${Architecture}"}]}' "$p" | sed 's/"SPDXRef-\([^":]*\):[a-z0-9]*"/"SPDXRef-\1"/'
	done
	printf '],"relationships":[{"spdxElementId":"SPDXRef-DOCUMENT","relationshipType":"DESCRIBES","relatedSpdxElement":"SPDXRef-nereid"}'
	for p in $packages; do
		printf ',{"spdxElementId":"SPDXRef-nereid","relationshipType":"DEPENDS_ON","relatedSpdxElement":"SPDXRef-%s"}' "${p%%:*}"
	done
	printf ']}\n'
} >"$root/usr/share/sbom/nereid.spdx.json"
