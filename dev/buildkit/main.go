// Reads Dockerfiles as BuildKit does, and says what each of them takes from outside of its context.
//
// Standard input and output are lines of JSON: a file, {"text": ..., "args": {...}}, and its answer. The answer is an
// error, or the images and the other sources, such as URLs, of all stages that a build can reach.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"sync"

	"github.com/moby/buildkit/client/llb"
	"github.com/moby/buildkit/client/llb/sourceresolver"
	"github.com/moby/buildkit/frontend/dockerfile/dockerfile2llb"
	"github.com/moby/buildkit/frontend/dockerfile/instructions"
	"github.com/moby/buildkit/frontend/dockerfile/parser"
	"github.com/moby/buildkit/frontend/dockerui"
	"github.com/moby/buildkit/solver/pb"
	digest "github.com/opencontainers/go-digest"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"
)

const emptyConfig = `{"architecture":"amd64","os":"linux","config":{},"rootfs":{"type":"layers","diff_ids":[]}}`

var (
	platform = ocispecs.Platform{OS: "linux", Architecture: "amd64"}
	caps     = pb.Caps.CapSet(pb.Caps.All())
)

type file struct {
	Text string            `json:"text"`
	Args map[string]string `json:"args"`
}

type answer struct {
	Error  string   `json:"error,omitempty"`
	Images []string `json:"images,omitempty"`
	Other  []string `json:"other,omitempty"`
}

// sources collects what is asked for; BuildKit asks for the configurations of images concurrently.
type sources struct {
	mutex  sync.Mutex
	images []string
	other  []string
}

func (s *sources) ResolveImageConfig(_ context.Context, ref string, _ sourceresolver.Opt) (string, digest.Digest, []byte, error) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.images = append(s.images, ref)
	return ref, digest.FromString(ref), []byte(emptyConfig), nil
}

// add takes the sources of a build's definition. A source of files with a checksum can't change.
func (s *sources) add(definition *llb.Definition) error {
	for _, data := range definition.Def {
		var op pb.Op
		if err := op.Unmarshal(data); err != nil {
			return err
		}
		source := op.GetSource()
		if source == nil {
			continue
		}
		if image, ok := strings.CutPrefix(source.Identifier, "docker-image://"); ok {
			s.images = append(s.images, image)
		} else if _, pinned := source.Attrs[pb.AttrHTTPChecksum]; !pinned && !strings.HasPrefix(source.Identifier, "local://") {
			s.other = append(s.other, source.Identifier)
		}
	}
	return nil
}

func (s *sources) build(f file, target string) error {
	result, err := dockerfile2llb.Dockerfile2LLB(context.Background(), []byte(f.Text), dockerfile2llb.ConvertOpt{
		Config: dockerui.Config{
			BuildArgs:      f.Args,
			Target:         target,
			BuildPlatforms: []ocispecs.Platform{platform},
		},
		TargetPlatform: &platform,
		MetaResolver:   s,
		LLBCaps:        &caps,
		AllStages:      target == "",
	})
	if err != nil {
		return err
	}
	definition, err := result.State.Marshal(context.Background(), llb.WithCaps(caps))
	if err != nil {
		return err
	}
	return s.add(definition)
}

// targets are the names of the stages, and the empty name of the last.
func targets(text string) ([]string, error) {
	parsed, err := parser.Parse(strings.NewReader(text))
	if err != nil {
		return nil, err
	}
	stages, _, err := instructions.Parse(parsed.AST, nil)
	found := []string{""}
	for _, stage := range stages {
		if stage.Name != "" {
			found = append(found, stage.Name)
		}
	}
	return found, err
}

func read(f file) (result answer) {
	defer func() {
		if failed := recover(); failed != nil {
			result = answer{Error: fmt.Sprint("panic: ", failed)}
		}
	}()
	found := &sources{}
	names, err := targets(f.Text)
	for _, name := range names {
		err = errors.Join(err, found.build(f, name))
	}
	if err != nil {
		return answer{Error: err.Error()}
	}
	slices.Sort(found.images)
	slices.Sort(found.other)
	return answer{Images: slices.Compact(found.images), Other: slices.Compact(found.other)}
}

func main() {
	lines := json.NewDecoder(bufio.NewReader(os.Stdin))
	out := bufio.NewWriter(os.Stdout)
	defer out.Flush()
	for {
		var f file
		if err := lines.Decode(&f); err == io.EOF {
			return
		} else if err != nil {
			panic(err)
		}
		if err := json.NewEncoder(out).Encode(read(f)); err != nil {
			panic(err)
		}
	}
}
