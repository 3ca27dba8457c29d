// A Kubernetes API server for tests: etcd and kube-apiserver in one process, nothing else.
//
//	kube FOLDER PORT [kube-apiserver flags...]
//
// Everything it writes is below FOLDER. etcd is reached through a socket in there, and listens for
// others, which there are not, wherever the system has a free port. No controller and no kubelet run: objects are stored, checked and watched, and
// nothing acts on them.
package main

import (
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"go.etcd.io/etcd/server/v3/embed"
	"k8s.io/component-base/cli"
	"k8s.io/kubernetes/cmd/kube-apiserver/app"
)

const etcdPatience = 2 * time.Minute

func socket(folder string) url.URL {
	return url.URL{Scheme: "unix", Path: filepath.Join(folder, "etcd")}
}

func startEtcd(folder string) (*embed.Etcd, error) {
	config := embed.NewConfig()
	nowhere := url.URL{Scheme: "http", Host: "127.0.0.1:0"}
	config.Dir = filepath.Join(folder, "data")
	config.LogLevel = "error"
	config.UnsafeNoFsync = true
	config.ListenClientUrls = []url.URL{socket(folder)}
	config.AdvertiseClientUrls = []url.URL{nowhere}
	config.ListenPeerUrls, config.AdvertisePeerUrls = []url.URL{nowhere}, []url.URL{nowhere}
	config.InitialCluster = config.InitialClusterFromName(config.Name)
	etcd, err := embed.StartEtcd(config)
	if err != nil {
		return nil, err
	}
	select {
	case <-etcd.Server.ReadyNotify():
		return etcd, nil
	case <-time.After(etcdPatience):
		return nil, fmt.Errorf("etcd is not ready after %s", etcdPatience)
	}
}

func main() {
	if len(os.Args) < 3 {
		fmt.Fprintln(os.Stderr, "usage: kube FOLDER PORT [kube-apiserver flags...]")
		os.Exit(2)
	}
	folder, port := os.Args[1], os.Args[2]
	if _, err := startEtcd(folder); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	store := socket(folder)
	own := []string{
		"kube-apiserver",
		"--etcd-servers=" + store.String(),
		"--bind-address=127.0.0.1",
		"--secure-port=" + port,
		"--cert-dir=" + filepath.Join(folder, "certs"),
		"--service-cluster-ip-range=10.0.0.0/24",
		"--service-account-issuer=https://kubernetes.default.svc",
		"--authorization-mode=RBAC",
	}
	os.Args = append(own, os.Args[3:]...)
	os.Exit(cli.Run(app.NewAPIServerCommand()))
}
